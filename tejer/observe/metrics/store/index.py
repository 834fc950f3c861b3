"""The series that are being written: their numbers, and which of them have a label's value."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tejer.observe.metrics.series import Labels, Matcher
from tejer.observe.metrics.store.encoding import Ids
from tejer.observe.metrics.store.matching import Choice


class SeriesIndex:
    """Numbers are never used twice; `labels[n]` is () for a forgotten one."""

    def __init__(self) -> None:
        self.labels: list[Labels] = []
        self.numbers: dict[Labels, int] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._postings: dict[str, dict[str, array[int]]] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, labels: Labels) -> int:
        """Its number, a new one if need be."""
        known = self.numbers.get(labels)
        if known is not None:
            return known
        number = len(self.labels)
        self._put(number, labels)
        return number

    def restore(self, many: Mapping[int, Labels]) -> None:
        """Series with the numbers that they had before."""
        self.labels += [()] * (max(many, default=-1) + 1 - len(self.labels))
        for number, labels in many.items():
            if labels not in self.numbers:
                self._put(number, labels)

    def _put(self, number: int, labels: Labels) -> None:
        labels = self.shared(labels)
        if number == len(self.labels):
            self.labels.append(labels)
        else:
            self.labels[number] = labels
        self.numbers[labels] = number
        for name, value in labels:
            values = self._postings.setdefault(name, {})
            if value not in values:
                values[value] = array("I")
            values[value].append(number)

    def shared(self, labels: Labels) -> Labels:
        """The same labels of pairs that others have too: a fifth of the memory."""
        return tuple([self._pairs.setdefault(pair, pair) for pair in labels])

    def keep(self, numbers: Iterable[int]) -> None:
        """Forget all other series."""
        kept = [(number, self.labels[number]) for number in sorted(numbers)]
        self.labels = [()] * len(self.labels)
        self.numbers, self._pairs, self._postings = {}, {}, {}
        for number, labels in kept:
            self._put(number, labels)

    def values_of(self, matcher: Matcher) -> list[str]:
        """Those that `choose` has to look at."""
        values = self._postings.get(matcher.name, {})
        if matcher.op == "=" and matcher.value:
            return [matcher.value] if matcher.value in values else []
        return list(values)

    def find(self, choices: Sequence[Choice]) -> Ids:
        """Numbers of the series that fit all of them."""
        found = np.zeros(len(self.labels), bool)
        found[np.fromiter(self.numbers.values(), np.int64, len(self.numbers))] = True
        for name, listed, without_label in choices:
            values = self._postings.get(name, {})
            chosen = np.zeros(len(found), bool)
            for value in values if listed is None else listed:
                if value in values:
                    chosen[np.frombuffer(values[value], np.uint32)] = True
            found &= ~chosen if without_label else chosen
        return np.flatnonzero(found)

    @property
    def pairs(self) -> int:
        """Different names with values."""
        return sum(map(len, self._postings.values()))

    def cardinality(self) -> dict[str, dict[str, int]]:
        """What `/api/v1/status/tsdb` counts, each as name -> number."""
        sizes = {
            name: {value: len(numbers) for value, numbers in held.items()} for name, held in self._postings.items()
        }
        return {
            "seriesCountByMetricName": sizes.get("__name__", {}),
            "labelValueCountByLabelName": {name: len(held) for name, held in sizes.items()},
            "memoryInBytesByLabelName": {name: sum(map(len, held)) for name, held in sizes.items()},
            "seriesCountByLabelValuePair": {
                f"{name}={value}": count for name, held in sizes.items() for value, count in held.items()
            },
        }
