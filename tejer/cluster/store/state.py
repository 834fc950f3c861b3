"""`State`: committed objects, the window of past events and the watchers. No I/O; both stores are a shell around it."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable

from tejer.cluster.store.log import Compacted, Event, Item, WatchClosed
from tejer.kube.resource import Body, Key

WINDOW = 2_000
"""How many past events are kept for watches that resume and lists that continue."""

MAX_LAG = 20_000
"""How many events a watcher may be behind before it is told to list again."""

_Selection = tuple[str, str]
_Name = tuple[str, str]


def with_revision(body: Body, revision: int) -> Body:
    """`body` with `metadata.resourceVersion` set; the rest is shared."""
    return {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": str(revision)}}


class State:
    """What has been committed. `apply` is the only way in; everything else reads."""

    def __init__(self, *, window: int = WINDOW) -> None:
        self.revision = 0
        self.floor = 0
        self._window = window
        self._items: defaultdict[_Selection, dict[_Name, Item]] = defaultdict(dict)
        self._history: deque[Event] = deque()
        self._feeds: defaultdict[_Selection, set[Feed]] = defaultdict(set)

    def load(self, items: Iterable[Item], history: Iterable[Event], *, floor: int, revision: int) -> None:
        """Take over what was durable when the process started. `history` holds the events above `floor`, in order."""
        for item in items:
            self._items[item.key[:2]][item.key[2:]] = item
        self._history.extend(history)
        self.floor, self.revision = floor, revision
        self._trim()

    def apply(self, event: Event) -> None:
        key = event.key
        if event.new is None:
            self._items[key[:2]].pop(key[2:], None)
        else:
            self._items[key[:2]][key[2:]] = Item(event.revision, key, event.new)
        self.revision = event.revision
        self._history.append(event)
        self._trim()
        for feed in self._feeds[key[:2]]:
            feed.offer(event)

    def _trim(self) -> None:
        while len(self._history) > self._window:
            self.floor = self._history.popleft().revision

    def get(self, key: Key) -> Item | None:
        return self._items[key[:2]].get(key[2:])

    def list(self, group: str, resource: str, namespace: str = "", *, at: int | None = None) -> list[Item]:
        current = self._items[(group, resource)]
        if at is not None and at < self.revision:
            current = self._rewind(current, (group, resource), at)
        if namespace:
            return [current[name] for name in sorted(name for name in current if name[0] == namespace)]
        return [current[name] for name in sorted(current)]

    def _rewind(self, current: dict[_Name, Item], selection: _Selection, at: int) -> dict[_Name, Item]:
        """The selection as it was at revision `at`: later events undone, newest first."""
        if at < self.floor:
            raise Compacted(at, self.floor)
        past = dict(current)
        for event in reversed(self._history):
            if event.revision <= at:
                break
            if event.key[:2] != selection:
                continue
            if event.old is None:
                past.pop(event.key[2:], None)
            else:
                revision = int(event.old["metadata"]["resourceVersion"])
                past[event.key[2:]] = Item(revision, event.key, event.old)
        return past

    def watch(self, group: str, resource: str, namespace: str = "", *, since: int) -> Feed:
        if since < self.floor:
            raise Compacted(since, self.floor)
        feed = Feed(self._feeds[(group, resource)], namespace)
        if since < self.revision:
            for event in self._history:
                if event.revision > since and event.key[:2] == (group, resource):
                    feed.offer(event)
        return feed

    def close_feeds(self) -> None:
        for feeds in self._feeds.values():
            for feed in list(feeds):
                feed.close()


class Feed:
    """The `Subscription` of both stores: a queue between the loop's commits and one watcher."""

    def __init__(self, siblings: set[Feed], namespace: str) -> None:
        self._siblings, self._namespace = siblings, namespace
        self._pending: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None
        self._lost_at = 0
        self._closed = False
        siblings.add(self)

    def offer(self, event: Event) -> None:
        if self._namespace and event.key.namespace != self._namespace:
            return
        if len(self._pending) >= MAX_LAG:
            self._lost_at = event.revision
            self._siblings.discard(self)
        else:
            self._pending.append(event)
        self._wake()

    async def next(self, seconds: float | None = None) -> list[Event]:
        if not self._pending and not self._closed and not self._lost_at:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._waiter
            except TimeoutError:
                return []
            finally:
                self._waiter = None
        if self._lost_at:
            raise Compacted(0, self._lost_at)
        if self._closed:
            raise WatchClosed
        batch, self._pending = self._pending, []
        return batch

    def close(self) -> None:
        self._closed = True
        self._siblings.discard(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
