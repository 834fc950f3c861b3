"""`Informer`: a live local copy of one kind, kept by list and watch over any `Api`.

The reflector's contract: list once (as a stream where the server can), watch from the list's resourceVersion, follow
bookmarks, watch again where the stream ended, list again when the server says the version is gone (410), and never
give up: errors are logged and retried with jittered back-off. A kind that the server doesn't serve (yet) counts as an
empty list and is asked for again every few seconds.
Source: kubernetes.io/docs/reference/using-api/api-concepts "Efficient detection of changes", "Streaming lists".
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Protocol, runtime_checkable

from tejer.kube.api import Api, ApiError, WatchEvent
from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import ResourceType

log = logging.getLogger(__name__)

FIRST_DELAY = 0.2
LONGEST_DELAY = 5.0
NOT_SERVED_DELAY = 3.0
QUIET_END = 1.0
"""A watch that lived shorter than this many seconds before the server ended it counts as a failure (no hot loop)."""

INITIAL_SECONDS = 30.0
"""How long a streamed list may take before we ask for a plain one."""
INITIAL_END = "k8s.io/initial-events-end"

OnChanges = Callable[[list[Change]], None]


@runtime_checkable
class StreamsLists(Protocol):
    """An `Api` that can send a list as a stream of events (WatchList)."""

    def watch_list(
        self, rtype: ResourceType, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[WatchEvent]: ...


class Informer:
    """Keeps `store` equal to the server's objects of one kind and tells `on_changes` of every move.

    `store` is read-only for callers; bodies in it are never mutated. `synced` is set after the first whole list.
    """

    def __init__(
        self, api: Api, rtype: ResourceType, *, namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> None:
        self.api, self.rtype, self.namespace = api, rtype, namespace
        self.label_selector, self.field_selector = label_selector, field_selector
        self.store: dict[Key, Body] = {}
        self.synced = asyncio.Event()
        self._version = ""
        self._failures = 0
        self._plain_lists = not isinstance(api, StreamsLists)

    async def run(self, on_changes: OnChanges) -> None:
        """Runs until cancelled. The first call of `on_changes` carries the whole list (maybe empty)."""
        while True:
            try:
                if not self._version and not await self._stream_list(on_changes):
                    await self._list(on_changes)
                await self._watch(on_changes)
            except ApiError as error:
                await self._refused(error, on_changes)
            except OSError as error:  # refused, reset, timed out (TimeoutError is one)
                await self._pause(f"{type(error).__name__}: {error}")

    async def _list(self, on_changes: OnChanges) -> None:
        result = await self.api.list(
            self.rtype, self.namespace, label_selector=self.label_selector, field_selector=self.field_selector
        )
        self._replace(result.items, on_changes)
        self._version, self._failures = result.resource_version, 0

    async def _stream_list(self, on_changes: OnChanges) -> bool:
        """List and watch in one stream. False where the server can't: then plain lists are used from now on."""
        if self._plain_lists or not isinstance(self.api, StreamsLists):
            return False
        items: list[Body] = []
        whole = False
        events = self.api.watch_list(
            self.rtype, self.namespace, label_selector=self.label_selector, field_selector=self.field_selector
        )
        try:
            async with asyncio.timeout(INITIAL_SECONDS) as limit:
                async for event in events:
                    if whole:
                        self._take(event, on_changes)
                    elif event.type == "BOOKMARK" and INITIAL_END in (metadata(event.object).get("annotations") or {}):
                        limit.reschedule(None)
                        whole = True
                        self._replace(items, on_changes)
                        self._version, self._failures = str(metadata(event.object).get("resourceVersion", "")), 0
                    elif event.type == "ADDED":
                        items.append(event.object)
        except (ApiError, TimeoutError) as error:
            if whole or (isinstance(error, ApiError) and error.code not in (400, 422)):
                raise
        if not whole:
            log.info("the server can't stream lists of %s: using plain ones", self.rtype.plural)
            self._plain_lists = True
        return whole

    def _replace(self, items: list[Body], on_changes: OnChanges) -> None:
        new = {self.rtype.key_of(item): item for item in items}
        changes = [Change(key, old, None) for key, old in self.store.items() if key not in new]
        for key, body in new.items():
            old = self.store.get(key)
            if old is None or not _same(old, body):
                changes.append(Change(key, old, body))
        self.store.clear()
        self.store.update(new)
        if changes or not self.synced.is_set():
            on_changes(changes)
        self.synced.set()

    async def _watch(self, on_changes: OnChanges) -> None:
        started = asyncio.get_running_loop().time()
        async for event in self.api.watch(
            self.rtype,
            self.namespace,
            resource_version=self._version,
            label_selector=self.label_selector,
            field_selector=self.field_selector,
        ):
            self._take(event, on_changes)
        if asyncio.get_running_loop().time() - started < QUIET_END:
            await self._pause("the server ended the watch at once")

    def _take(self, event: WatchEvent, on_changes: OnChanges) -> None:
        self._failures = 0
        if event.type != "BOOKMARK" and (change := self._move(event.type, event.object)):
            on_changes([change])
        if version := metadata(event.object).get("resourceVersion"):
            self._version = str(version)

    def _move(self, event_type: str, body: Body) -> Change | None:
        key = self.rtype.key_of(body)
        old = self.store.get(key)
        if event_type == "DELETED":
            return Change(key, self.store.pop(key), None) if old is not None else None
        if old is not None and _same(old, body):
            return None
        self.store[key] = body
        return Change(key, old, body)

    async def _refused(self, error: ApiError, on_changes: OnChanges) -> None:
        self._version = ""  # whatever the refusal was, the next attempt starts from a whole list
        if error.code == 410 and self._failures == 0:
            self._failures = 1  # at once the first time: the list that follows clears it
            return
        if error.code == 404:
            self._replace([], on_changes)
            await asyncio.sleep(NOT_SERVED_DELAY * random.uniform(0.8, 1.2))  # noqa: S311
            return
        await self._pause(f"{error.code} {error.reason}: {error.message}")

    async def _pause(self, why: str) -> None:
        longest = min(LONGEST_DELAY, FIRST_DELAY * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        delay = random.uniform(longest / 2, longest)  # noqa: S311 (jitter, not a secret)
        level = logging.WARNING if self._failures > 3 else logging.INFO
        log.log(level, "watching %s: %s; trying again in %.1f s", self.rtype.plural, why, delay)
        await asyncio.sleep(delay)


def _same(old: Body, new: Body) -> bool:
    """One object at one resourceVersion is the same (servers without versions: compare)."""
    before, after = metadata(old), metadata(new)
    if before.get("resourceVersion") and after.get("resourceVersion"):
        return bool(before["resourceVersion"] == after["resourceVersion"] and before.get("uid") == after.get("uid"))
    return old == new
