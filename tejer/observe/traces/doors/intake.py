"""What all doors do with spans that they have read: keep them, pass them on, count. Decoding runs beside the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
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
        self._busy = 0

    async def decode(self, size: int, read: Callable[[], T]) -> T:
        """What `read` gives, in a thread where the body is big. Raises Busy past the limit, and what `read` raises."""
        if self._busy >= self.limits.bodies:
            raise Busy(f"{self.limits.bodies} bodies are being read already")
        self._busy += 1
        try:
            return await asyncio.to_thread(read) if size > _BIG else read()
        finally:
            self._busy -= 1

    async def take(self, door: str, what: str, reading: Reading) -> None:
        """Returns when they are on disk. Raises StoreError where the disk does not take them."""
        self.counts[door, what, "refused"] += reading.refused
        try:
            await self._keep[what](reading.kept)
        except StoreError:
            self.counts[door, what, "failed"] += len(reading.kept)
            raise
        finally:
            if self._onward is not None and what == SPANS:
                self._onward.offer(reading.kept)
        self.counts[door, what, "kept"] += len(reading.kept)
