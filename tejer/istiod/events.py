"""Events about Istio's objects: one for each problem while it lasts, and one that says when it has gone."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping

from tejer.istiod.checks.codes import CODES
from tejer.kube.api import Api, ApiError
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, Key, metadata
from tejer.kube.types import EVENTS, ISTIO_TYPES

log = logging.getLogger(__name__)

COMPONENT = "istiod"
MOST_PER_OBJECT = 10
LONGEST_TEXT = 1000
"""Kubernetes refuses events with more than 1024 characters."""
_PLURALS = {(rtype.group, rtype.plural): rtype for rtype in ISTIO_TYPES}


def shown(problems: Iterable[Problem]) -> dict[tuple[str, str], Problem]:
    """The problems that get an event, by its (namespace, name): warnings and errors of Istio's objects."""
    counts: dict[Key, int] = {}
    found: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        key = problem.key
        if key is None or (key.group, key.resource) not in _PLURALS or problem.severity is Severity.INFO:
            continue
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MOST_PER_OBJECT:
            found[key.namespace, event_name(problem, key)] = problem
    return found


def event_name(problem: Problem, key: Key) -> str:
    """The same for the same problem, so that a new leader does not repeat its events."""
    said = "\0".join((key.resource, problem.code, problem.field, problem.message))
    return f"{key.name[:200]}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def event(problem: Problem, key: Key, name: str, body: Body, now: str, *, mended: bool = False) -> Body:
    """The Event about an object; `now` is RFC 3339."""
    rtype = _PLURALS[key.group, key.resource]
    reason = "Mended" if mended else CODES[problem.code].name if problem.code in CODES else "Problem"
    where = f"{problem.field}: " if problem.field else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    code = f"[{problem.code}] " if problem.code else ""
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name, "namespace": key.namespace},
        "involvedObject": {
            "apiVersion": rtype.api_version, "kind": rtype.kind, "namespace": key.namespace, "name": key.name,
            "uid": str(metadata(body).get("uid", "")), "fieldPath": problem.field,
        },
        "type": "Normal" if mended else "Warning",
        "reason": reason,
        "message": f"{code}{where}{problem.message}{hint}"[:LONGEST_TEXT],
        "source": {"component": COMPONENT},
        "reportingComponent": f"istio.io/{COMPONENT}",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }  # fmt: skip


class Events:
    """Makes the cluster's events say what is wrong now. Only the leader publishes."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._published: dict[tuple[str, str], Problem] = {}

    async def publish(self, problems: Iterable[Problem], stores: Mapping[str, Mapping[Key, Body]], now: str) -> None:
        wanted, before = shown(problems), self._published
        for place, problem in wanted.items():
            if place not in before:
                await self._create(problem, place[1], stores, now)
        for place, problem in before.items():
            if place not in wanted:
                await self._mended(problem, place, stores, now)
        self._published = wanted

    async def _create(
        self, problem: Problem, name: str, stores: Mapping[str, Mapping[Key, Body]], now: str, *, mended: bool = False
    ) -> None:
        assert problem.key is not None
        body = stores.get(problem.key.resource, {}).get(problem.key)
        if body is None:
            return  # gone meanwhile
        try:
            made = event(problem, problem.key, name, body, now, mended=mended)
            await self.api.create(EVENTS, made, problem.key.namespace)
        except (ApiError, OSError) as error:
            if not (isinstance(error, ApiError) and error.code == 409):  # an earlier leader's
                log.warning("an event of %s: %s", problem.key, error)

    async def _mended(
        self, problem: Problem, place: tuple[str, str], stores: Mapping[str, Mapping[Key, Body]], now: str
    ) -> None:
        namespace, name = place
        try:
            await self.api.delete(EVENTS, name, namespace)
        except (ApiError, OSError) as error:
            if not (isinstance(error, ApiError) and error.code == 404):
                log.warning("the event %s/%s stays: %s", namespace, name, error)
        when = "".join(char for char in now if char.isdigit())
        await self._create(problem, f"{name}.{when}", stores, now, mended=True)
