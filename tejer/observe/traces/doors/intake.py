"""What all doors do with spans that they have read: keep them, pass them on, count. Decoding runs beside the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from tejer.observe.traces.doors.otlp import Reading
from tejer.observe.traces.limits import Limits
from tejer.observe.traces.spans import Span
from tejer.observe.traces.store.writer import StoreError

T = TypeVar("T")
_BIG = 16 << 10
"""Bytes of a body that is decoded in a thread, so that the others need not wait."""
SPANS, LOGS = "spans", "logs"


class Onward(Protocol):
    def offer(self, spans: Sequence[Span]) -> None:
        """Take a copy for an outside collector, or drop it; never waits, never fails."""


class Busy(Exception):
    """Too much at once: the client should try again."""


class Intake:
    """`counts` has (door, what, outcome) → records, for /metrics."""

    def __init__(
        self,
        keep_spans: Callable[[Sequence[Span]], Awaitable[None]],
        keep_logs: Callable[[Sequence[Any]], Awaitable[None]],
        limits: Limits,
        onward: Onward | None = None,
    ) -> None:
        self.limits = limits
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._keep = {SPANS: keep_spans, LOGS: keep_logs}
        self._onward = onward
        self._held = 0

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Call what this gives with each piece's size as a body comes in; raises Busy where all bodies are too much."""
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            if self._held + size > self.limits.held:
                raise Busy(f"{self._held} bytes of other bodies are being read already")
            mine += size
            self._held += size

        try:
            yield hold
        finally:
            self._held -= mine

    async def decode(self, size: int, read: Callable[[], T]) -> T:
        """What `read` gives, in a thread where the body is big. Raises what `read` raises."""
        return await asyncio.to_thread(read) if size > _BIG else read()

    async def take(self, door: str, what: str, reading: Reading) -> None:
        """Returns when they are on disk. Raises StoreError where the disk does not take them."""
        self.counts[door, what, "refused"] += reading.refused
        try:
            await self._keep[what](reading.kept)
        except StoreError:
            self.counts[door, what, "failed"] += len(reading.kept)
            raise
        self.counts[door, what, "kept"] += len(reading.kept)
        if self._onward is not None and what == SPANS:
            self._onward.offer(reading.kept)  # what was not kept comes again
