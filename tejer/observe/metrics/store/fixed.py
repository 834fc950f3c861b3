"""A `Querier` over samples that are given all at once: recordings, and tests of the language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from tejer.observe.metrics.series import Block, Labels, Matcher
from tejer.observe.metrics.store.index import SeriesIndex
from tejer.observe.metrics.store.matching import choose


class FixedStore:
    """`samples` are (labels, [(time in ms, value), ...]) with ascending times."""

    def __init__(self, samples: Iterable[tuple[Labels, Sequence[tuple[int, float]]]]) -> None:
        given = sorted(samples, key=lambda sample: sample[0])  # the order in which Prometheus adds them up
        self._labels = [labels for labels, _ in given]
        self._times = [tuple(time for time, _ in points) for _, points in given]
        self._values = [np.array([value for _, value in points], float) for _, points in given]
        self._index = SeriesIndex()
        self._index.restore(dict(enumerate(self._labels)))

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Block]:
        blocks = []
        for given, run in groupby(self._find(matchers), key=lambda number: self._times[number]):
            numbers, times = list(run), np.array(given, np.int64)
            low, high = np.searchsorted(times, [start_ms, end_ms + 1])
            if high > low:
                values = np.array([self._values[number][low:high] for number in numbers])
                blocks.append(Block([self._labels[number] for number in numbers], times[low:high], values))
        return blocks

    def _find(self, matchers: Sequence[Matcher]) -> list[int]:
        choices = [choose(matcher, self._index.values_of(matcher)) for matcher in matchers]
        return list(map(int, self._index.find(choices)))

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Labels]:
        return [labels for block in self.select(matchers, start_ms, end_ms) for labels in block.labels]
