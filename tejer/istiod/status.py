"""Status of Istio objects: what is wrong with each, written by the leader when PILOT_ENABLE_ANALYSIS is true.

As Istio's analysis controller, `status.validationMessages` carries the messages' codes; beyond Istio, the condition
`Accepted` carries the texts, and is False when istiod could not use the object or a proxy rejected what was made from
it. Each problem is an Event too. On by default in what `tejer install` ships, unlike Istio's: nothing a user wrote is
passed over in silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tejer.istiod.checks.codes import CODES
from tejer.istiod.events import Events
from tejer.istiod.leader import Leader
from tejer.istiod.xds.connection import Connection
from tejer.istiod.xds.protocol import SHORT_NAMES
from tejer.kube.api import Api, ApiError
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, Key, metadata
from tejer.kube.types import ISTIO_TYPES, ResourceType

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
LONGEST_TEXT = 1000
CONDITION = "Accepted"
DOCUMENTATION = "https://istio.io/latest/docs/reference/config/analysis/"
_TYPES: Mapping[tuple[str, str], ResourceType] = {(t.group, t.plural): t for t in ISTIO_TYPES}


class StatusWrite(NamedTuple):
    """One object's new status, as a merge patch."""

    rtype: ResourceType
    key: Key
    patch: Body


def rejections(connections: Iterable[Connection]) -> list[Problem]:
    """A problem for each object behind a resource that a proxy has not taken."""
    found: dict[tuple[Key, str], Problem] = {}
    for connection in connections:
        node = connection.node
        for type_url, watch in connection.stream.watches.items():
            for resource, why in watch.refusals.values():
                for key in resource.sources if resource is not None else ():
                    short = SHORT_NAMES.get(type_url, type_url)
                    message = f"proxy {node.name}.{node.namespace} rejected it ({short}): {why}"
                    found.setdefault((key, why), Problem(severity=Severity.ERROR, key=key, message=message))
    return list(found.values())


def plan(problems: Iterable[Problem], stores: Mapping[str, Mapping[Key, Body]], now: str) -> list[StatusWrite]:
    """The writes that make every Istio object's status say what is wrong with it, and no more. `now` is RFC 3339."""
    by_key: dict[Key, list[Problem]] = defaultdict(list)
    for problem in problems:
        if problem.key is not None and (problem.key.group, problem.key.resource) in _TYPES:
            by_key[problem.key].append(problem)
    writes: list[StatusWrite] = []
    for rtype in ISTIO_TYPES:
        for key, body in stores.get(rtype.plural, {}).items():
            old = body.get("status") or {}
            found = by_key.get(key, [])
            messages = [_message(problem) for problem in _one_per_code(found)]
            condition = _condition(found, body, now)
            if not found and not old.get("validationMessages") and not _held(old):
                continue  # never had a problem: stays without a status
            if messages == (old.get("validationMessages") or []) and _same(condition, _held(old)):
                continue
            others = [item for item in old.get("conditions") or () if item.get("type") != CONDITION]
            status: Body = {"validationMessages": messages or None, "conditions": [*others, condition]}
            writes.append(StatusWrite(rtype, key, {"status": status}))
    return writes


def _one_per_code(problems: Iterable[Problem]) -> Iterable[Problem]:
    """Istio's messages have no text, so two of one code say no more than one."""
    return {problem.code: problem for problem in problems if problem.code}.values()


def _message(problem: Problem) -> Body:
    """Istio's AnalysisMessageBase, which has no text: that is in the condition."""
    named = {"name": CODES[problem.code].name} if problem.code in CODES else {}
    return {
        "level": problem.severity.name,
        "type": {"code": problem.code, **named},
        "documentationUrl": f"{DOCUMENTATION}{problem.code.lower()}/",
    }


def _condition(problems: Sequence[Problem], body: Body, now: str) -> Body:
    worst = max((problem.severity for problem in problems), default=Severity.INFO)
    ordered = sorted(problems, key=lambda problem: -problem.severity)
    texts = [f"{p.field}: {p.message}" if p.field else p.message for p in ordered]
    return {
        "type": CONDITION,
        "status": "False" if worst is Severity.ERROR else "True",
        "reason": {Severity.ERROR: "Errors", Severity.WARNING: "Warnings"}.get(worst, "AsWritten"),
        "message": "; ".join(texts)[:LONGEST_TEXT],
        "lastTransitionTime": now,
        "observedGeneration": int(metadata(body).get("generation") or 0),
    }


def _held(status: Body) -> Body:
    return next((item for item in status.get("conditions") or () if item.get("type") == CONDITION), {})


def _same(new: Body, old: Body) -> bool:
    return all(new[field] == old.get(field) for field in ("status", "message", "reason"))


class StatusWriter:
    """`problems()` gives everything known to be wrong now, `stores` are the informers' stores.

    `look` says that problems have changed; those of translation and of proxies are looked for every now and then.
    """

    def __init__(
        self, api: Api, leader: Leader, problems: Callable[[], list[Problem]], stores: Mapping[str, Mapping[Key, Body]],
        now: Callable[[], str],
    ) -> None:  # fmt: skip
        self.api, self.leader, self.problems, self.stores, self.now = api, leader, problems, stores, now
        self._events = Events(api)
        self._wake = asyncio.Event()

    def look(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self.leader.elected.wait()
            self._wake.clear()
            problems = self.problems()
            for write in plan(problems, self.stores, self.now()):
                await self._write(write)
            await self._events.publish(problems, self.stores, self.now())
            try:
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _write(self, write: StatusWrite) -> None:
        try:
            await self.api.patch(write.rtype, write.key.name, write.key.namespace, write.patch, subresource="status")
        except (ApiError, OSError) as error:
            if not (isinstance(error, ApiError) and error.code == 404):  # deleted meanwhile
                log.warning("writing the status of %s: %s", write.key, error)
