"""`WorkQueue`: keys waiting to be reconciled, each at most once, never in two hands, later after failures.

Source: client-go `util/workqueue` (rate limiting queue).
"""

from __future__ import annotations

import asyncio
from collections import deque

from tejer.kube.resource import Key

FIRST_DELAY, LONGEST_DELAY = 0.05, 30.0


class WorkQueue:
    """For one event loop. `take` a key, then say `done` or `failed` for it."""

    def __init__(self) -> None:
        self._waiting: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._working: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._ready: deque[asyncio.Future[None]] = deque()

    def add(self, key: Key) -> None:
        """Queue `key`; while it is being worked on, it comes again after that."""
        if key in self._queued:
            return
        self._queued.add(key)
        if key not in self._working:
            self._push(key)

    async def take(self) -> Key:
        while not self._waiting:
            ready = asyncio.get_running_loop().create_future()
            self._ready.append(ready)
            await ready
        key = self._waiting.popleft()
        self._queued.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key, again: float | None = None) -> None:
        """The key is as it should be; look again after `again` seconds if given."""
        self._failures.pop(key, None)
        self._release(key)
        if again is not None:
            self._later(key, again)

    def failed(self, key: Key) -> None:
        """Try the key again after a delay that doubles with each failure in a row."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        self._release(key)
        self._later(key, min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(count, 16)))

    def _release(self, key: Key) -> None:
        self._working.discard(key)
        if key in self._queued:
            self._push(key)

    def _push(self, key: Key) -> None:
        self._waiting.append(key)
        while self._ready:
            ready = self._ready.popleft()
            if not ready.done():
                ready.set_result(None)
                break

    def _later(self, key: Key, seconds: float) -> None:
        """The earlier of several times counts."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
