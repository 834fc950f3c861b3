"""Series that are sampled at the same times, as all of one target are: their newest samples, as one array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tejer.observe.metrics.arrays import Times, Values
from tejer.observe.metrics.store.encoding import Ids, absent, is_absent

CELLS = 100_000
"""An array this large (0.8 MB) is sealed: at 15 s, a target of 2,000 series after 12 minutes."""
MOST_COLUMNS, FEWEST_COLUMNS = 240, 16
LARGEST = 20_000
"""Series of one group."""
PAGE = 512
"""Rows that are stored together: a query of one metric reads a few pages of a target, not all of them."""


class Piece(NamedTuple):
    """Samples of the series `ids` at `times`, of the group with this number; ABSENT where there is none."""

    group: int
    ids: Ids
    times: Times
    values: Values


class Group:
    """`floor` is the newest time that is sealed already: older samples are refused."""

    def __init__(self, number: int, floor: int) -> None:
        self.number, self.floor = number, floor
        self.ids: list[int] = []
        self.times: list[int] = []
        self._values = absent(8, 8)

    @property
    def values(self) -> Values:
        return self._values[: len(self.ids), : len(self.times)]

    @property
    def full(self) -> bool:
        columns = len(self.times)
        return columns >= MOST_COLUMNS or (columns >= FEWEST_COLUMNS and columns * len(self.ids) >= CELLS)

    def add(self, series: int) -> int:
        """Its row."""
        self.ids.append(series)
        if len(self.ids) > len(self._values):
            self._grow(len(self.ids) * 5 // 4 + 8, self._values.shape[1])
        return len(self.ids) - 1

    def put(self, time: int, rows: Ids, values: Values) -> int:
        """How many were taken: a sample that is there already stays, and one below the floor is refused."""
        if time <= self.floor:
            return 0
        column = self._column(time)
        free = is_absent(self._values[rows, column])
        self._values[rows[free], column] = values[free]
        return int(free.sum())

    def _column(self, time: int) -> int:
        if not self.times or time > self.times[-1]:
            self.times.append(time)
            if len(self.times) > self._values.shape[1]:
                self._grow(len(self._values), len(self.times) * 3 // 2 + 4)
            return len(self.times) - 1
        column = int(np.searchsorted(self.times, time))
        if self.times[column] != time:
            self.times.insert(column, time)
            if len(self.times) > self._values.shape[1]:
                self._grow(len(self._values), len(self.times) * 3 // 2 + 4)
            self._values[:, column + 1 : len(self.times)] = self._values[:, column : len(self.times) - 1].copy()
            self._values[:, column] = absent(len(self._values), 1)[:, 0]
        return column

    def _grow(self, rows: int, columns: int) -> None:
        grown = absent(rows, columns)
        held_rows, held_columns = (min(a, b) for a, b in zip(grown.shape, self._values.shape, strict=True))
        grown[:held_rows, :held_columns] = self._values[:held_rows, :held_columns]
        self._values = grown

    def cut(self, rows: Ids, start: int, end: int) -> Piece | None:
        """A copy of the samples of these rows in start <= time <= end."""
        low, high = np.searchsorted(self.times, start), np.searchsorted(self.times, end, "right")
        if low >= high or not len(rows):
            return None
        times = np.array(self.times[low:high], np.int64)
        return Piece(self.number, np.array(self.ids, np.int64)[rows], times, self._values[rows, low:high])

    def pages(self) -> Iterator[Piece]:
        """All samples, PAGE rows at a time; without rows that have none."""
        rows = np.flatnonzero(~is_absent(self.values).all(axis=1))
        for first in range(0, len(rows), PAGE):
            piece = self.cut(rows[first : first + PAGE], self.times[0], self.times[-1])
            if piece is not None:
                yield piece

    def clear(self) -> list[int]:
        """All samples are sealed: start anew. Series that had none have left; gives their numbers."""
        if not self.times:
            return []
        idle = frozenset(np.flatnonzero(is_absent(self.values).all(axis=1)).tolist())
        left = [series for row, series in enumerate(self.ids) if row in idle]
        self.ids = [series for row, series in enumerate(self.ids) if row not in idle]
        self.floor = self.times[-1]
        self.times = []
        self._values = absent(len(self.ids) + 8, 8)
        return left
