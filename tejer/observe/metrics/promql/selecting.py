"""From samples to steps: the newest sample of each series (instant vectors), and windows of samples (range vectors).

As Prometheus 2: a window of a range is closed at both ends, a sample counts for 5 minutes, and a stale marker ends its
series at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tejer.observe.metrics.arrays import Flags, Times, Values
from tejer.observe.metrics.promql.limits import no_check
from tejer.observe.metrics.promql.vectors import Vector, stacked
from tejer.observe.metrics.series import STALE_BITS, Block, Labels

LOOKBACK_MS = 300_000


def is_stale(values: Values) -> Flags:
    return np.asarray(np.ascontiguousarray(values).view(np.uint64) == STALE_BITS)


@dataclass(frozen=True, slots=True)
class Windows:
    """Rows sampled at the same `times` (ms); the window of step k is the samples [low[k], high[k]).

    `starts` and `ends` are the windows' limits in ms; `check` ends a long computation by raising.
    """

    labels: Sequence[Labels]
    times: Times
    values: Values
    low: Times
    high: Times
    starts: Times
    ends: Times
    check: Callable[[], None] = no_check

    @property
    def counts(self) -> Times:
        return self.high - self.low


def newest(blocks: Iterable[Block], at: Times) -> Vector:
    """Each series' value at the times `at`."""
    return stacked((_newest(block, at)[0] for block in blocks), len(at)).pruned()


def newest_times(blocks: Iterable[Block], at: Times) -> Vector:
    """As `newest`, with the samples' times in seconds for values."""
    return stacked((_newest(block, at)[1] for block in blocks), len(at)).pruned()


def _newest(block: Block, at: Times) -> tuple[Vector, Vector]:
    position = np.searchsorted(block.times, at, side="right") - 1
    rows = len(block.labels)
    if block.present is None:
        index = np.broadcast_to(position, (rows, len(at)))
    else:
        last = np.maximum.accumulate(np.where(block.present, np.arange(len(block.times)), -1), axis=1)
        index = np.where(position >= 0, last[:, np.maximum(position, 0)], -1)
    safe = np.maximum(index, 0)
    if not len(block.times):
        none = np.zeros((rows, len(at)), bool)
        return Vector(block.labels, none * 0.0, none), Vector(block.labels, none * 0.0, none)
    values = np.take_along_axis(block.values, safe, axis=1)
    times = block.times[safe]
    present = (index >= 0) & (times >= at - LOOKBACK_MS) & ~is_stale(values)
    return Vector(block.labels, values, present), Vector(block.labels, times / 1000, present)


def windows(
    blocks: Iterable[Block], ends: Times, range_ms: int, check: Callable[[], None] = no_check
) -> Iterator[Windows]:
    """Windows of length `range_ms` that end at `ends`. Rows with gaps come one by one, without their gaps."""
    starts = ends - range_ms
    for block in blocks:
        usable = ~is_stale(block.values)
        if block.present is not None:
            usable &= block.present
        whole = usable.all(axis=1)
        if whole.any():
            rows = np.flatnonzero(whole)
            all_rows = len(rows) == len(block.labels)
            labels = block.labels if all_rows else [block.labels[i] for i in rows.tolist()]
            values = block.values if all_rows else block.values[rows]
            yield _bounded(labels, block.times, values, starts, ends, check)
        for i in np.flatnonzero(~whole).tolist():
            mask = usable[i]
            yield _bounded([block.labels[i]], block.times[mask], block.values[i : i + 1, mask], starts, ends, check)


def _bounded(
    labels: Sequence[Labels], times: Times, values: Values, starts: Times, ends: Times, check: Callable[[], None]
) -> Windows:
    low = np.searchsorted(times, starts, side="left")
    high = np.searchsorted(times, ends, side="right")
    return Windows(labels, times, values, low, high, starts, ends, check)
