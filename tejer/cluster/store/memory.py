"""`MemoryStore`: the twin of `SqliteStore` without a file, for tests and dry experiments."""

from __future__ import annotations

import copy

from tejer.cluster.store.log import ANY_REVISION, Event, Item, RevisionConflict
from tejer.cluster.store.state import WINDOW, Feed, State, with_revision
from tejer.kube.resource import Body, Key


class MemoryStore:
    """See `tejer.cluster.store.log.Store`."""

    def __init__(self, *, window: int = WINDOW) -> None:
        self._state = State(window=window)

    @property
    def revision(self) -> int:
        return self._state.revision

    @property
    def floor(self) -> int:
        return self._state.floor

    async def start(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        self._state.close_feeds()

    def get(self, key: Key) -> Item | None:
        return self._state.get(key)

    def list(self, group: str, resource: str, namespace: str = "", *, at: int | None = None) -> list[Item]:
        return self._state.list(group, resource, namespace, at=at)

    def watch(self, group: str, resource: str, namespace: str = "", *, since: int) -> Feed:
        return self._state.watch(group, resource, namespace, since=since)

    async def write(self, key: Key, body: Body | None, *, expect: int) -> Event:
        current = self._state.get(key)
        at = current.revision if current else 0
        if (expect not in (ANY_REVISION, at)) or (body is None and current is None):
            raise RevisionConflict(key, expect, at)
        revision = self._state.revision + 1
        new = with_revision(copy.deepcopy(body), revision) if body is not None else None
        event = Event(revision, key, current.body if current else None, new)
        self._state.apply(event)
        return event
