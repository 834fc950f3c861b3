"""Counters, gauges and histograms, and their text as Prometheus reads it.

A name of a label is fixed when the metric is made; its values come with each call. What strangers can choose must not
become a value: each one costs memory here and in every Prometheus.
Source: prometheus.io "Exposition formats" (text format 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 5, 10, 20, 30)

Values = Mapping[tuple[str, ...], float]
"""Numbers by the values of the metric's labels, in the order of their names."""


class Metric(Protocol):
    name: str

    def text(self) -> Iterator[str]: ...


class Counter:
    """A number for each combination of label values. Without labels it is there from the start, with 0."""

    kind = "counter"

    def __init__(self, name: str, about: str, *labels: str) -> None:
        self.name, self.about, self.labels = name, about, labels
        self.values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, *labels: str, by: float = 1) -> None:
        self.values[labels] = self.values.get(labels, 0.0) + by

    def now(self) -> Values:
        return self.values

    def text(self) -> Iterator[str]:
        yield from _head(self.name, self.about, self.kind)
        for labels, value in self.now().items():
            yield f"{self.name}{_where(self.labels, labels)} {_number(value)}"


class Gauge(Counter):
    """A number that goes up and down: set (until then it is not there), or asked of `read` when somebody looks."""

    kind = "gauge"

    def __init__(self, name: str, about: str, *labels: str, read: Callable[[], float | Values] | None = None) -> None:
        super().__init__(name, about, *labels)
        self.read = read
        self.values.clear()

    def set(self, value: float, *labels: str) -> None:
        self.values[labels] = value

    def now(self) -> Values:
        if self.read is None:
            return self.values
        found = self.read()
        return found if isinstance(found, Mapping) else {(): found}


class CounterOf(Gauge):
    """A counter that somebody else keeps, such as the kernel."""

    kind = "counter"


class Histogram:
    """Counts of observations up to each of `bounds` (ascending; seconds where nothing else is said)."""

    def __init__(self, name: str, about: str, *labels: str, bounds: Sequence[float] = SECONDS) -> None:
        self.name, self.about, self.labels, self.bounds = name, about, labels, tuple(bounds)
        self.counts: dict[tuple[str, ...], list[int]] = {}
        self.totals: dict[tuple[str, ...], float] = {}
        if not labels:
            self._begin(())

    def observe(self, value: float, *labels: str) -> None:
        if labels not in self.counts:
            self._begin(labels)
        self.counts[labels][bisect_left(self.bounds, value)] += 1
        self.totals[labels] += value

    def _begin(self, labels: tuple[str, ...]) -> None:
        self.totals[labels] = 0.0
        self.counts[labels] = [0] * (len(self.bounds) + 1)

    def text(self) -> Iterator[str]:
        yield from _head(self.name, self.about, "histogram")
        for labels, counts in self.counts.items():
            seen = 0
            for bound, count in zip((*self.bounds, float("inf")), counts, strict=True):
                seen += count
                le = "+Inf" if bound == float("inf") else _number(bound)
                yield f"{self.name}_bucket{_where((*self.labels, 'le'), (*labels, le))} {seen}"
            yield f"{self.name}_sum{_where(self.labels, labels)} {_number(self.totals[labels])}"
            yield f"{self.name}_count{_where(self.labels, labels)} {seen}"


def exposition(metrics: Sequence[Metric]) -> str:
    """All of them, in name order."""
    return "\n".join(line for metric in sorted(metrics, key=lambda m: m.name) for line in metric.text()) + "\n"


def escape(value: str) -> str:
    """A label value as Prometheus text wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _where(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def _head(name: str, about: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
