"""The revisioned log behind the API server: one interface, two twins (`SqliteStore`, `MemoryStore`), one test suite.

Every write appends one event with the next revision; the revision is the object's resourceVersion, the log's row id and
the position a watch resumes from. Reads see committed events only. All methods are called from the event loop's thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from tejer.kube.resource import Body, Key

ANY_REVISION = -1
"""`expect` of an unconditional write."""


class Event(NamedTuple):
    """One write: `old is None` created the object, `new is None` deleted it.

    Bodies carry their own `metadata.resourceVersion`; a deletion's `old` is the last state before it.
    """

    revision: int
    key: Key
    old: Body | None
    new: Body | None


class Item(NamedTuple):
    """An object as it was stored at `revision` (its resourceVersion). The body is shared: never mutate it."""

    revision: int
    key: Key
    body: Body


class RevisionConflict(Exception):
    """The object is not at the revision the writer expected; `current` is 0 where it does not exist."""

    def __init__(self, key: Key, expected: int, current: int) -> None:
        super().__init__(f"{key} is at revision {current}, not {expected}")
        self.key, self.expected, self.current = key, expected, current


class Compacted(Exception):
    """`revision` is older than the log still remembers (`floor`): list again."""

    def __init__(self, revision: int, floor: int) -> None:
        super().__init__(f"revision {revision} is older than the log, which begins at {floor}")
        self.revision, self.floor = revision, floor


class WatchClosed(Exception):
    """The subscription, or the store, was closed."""


class StoreUnavailable(Exception):
    """The write was not made and nothing changed: a full or read-only disk, a damaged file. Says what to try."""


class Subscription(Protocol):
    """Events of one selection in order of revision, without gaps. Close it (or leave `async with`) when done."""

    async def next(self, seconds: float | None = None) -> list[Event]:
        """All events that have come since the last call; waits for the first. [] after `seconds`.

        Raises Compacted when the reader was too slow to keep up, and WatchClosed once closed.
        """
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """Selections are `group, resource, namespace`; namespace "" selects all namespaces (and cluster-scoped objects)."""

    @property
    def revision(self) -> int:
        """The last committed revision."""
        ...

    @property
    def floor(self) -> int:
        """The oldest revision that `list(at=...)` and `watch(since=...)` accept."""
        ...

    def get(self, key: Key) -> Item | None: ...

    def list(self, group: str, resource: str, namespace: str = "", *, at: int | None = None) -> list[Item]:
        """Items by namespace and name, now or as they were at revision `at`. Raises Compacted if `at` is too old."""
        ...

    async def write(self, key: Key, body: Body | None, *, expect: int) -> Event:
        """Create (`expect=0`), replace or, with `body=None`, delete; returns once the write is durable.

        Raises RevisionConflict when the object is not at `expect` (ANY_REVISION: no matter), StoreUnavailable on
        a disk error. `metadata.resourceVersion` of `body` is replaced by the new revision.
        """
        ...

    def watch(self, group: str, resource: str, namespace: str = "", *, since: int) -> Subscription:
        """Events with a revision above `since`. Raises Compacted if some of them are no longer in the log."""
        ...

    async def start(self) -> None: ...

    async def close(self) -> None:
        """Make what was submitted durable and release the file."""
        ...


async def events(subscription: Subscription) -> AsyncIterator[Event]:
    """The subscription as a plain stream of events, until it is closed."""
    while True:
        try:
            batch = await subscription.next()
        except WatchClosed:
            return
        for event in batch:
            yield event
