"""Many values → one: Grafana's calculations for stats, gauges, legends and overrides. Pure.

Source: grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/calculation-types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

Values = Sequence[float | None]


def _present(values: Values) -> list[float]:
    return [value for value in values if value is not None and not math.isnan(value)]


def _some(reducer: Callable[[list[float]], float]) -> Callable[[Values], float | None]:
    """Over the values there are; nothing when there are none."""

    def reduced(values: Values) -> float | None:
        present = _present(values)
        return reducer(present) if present else None

    return reduced


def _variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


def _median(values: list[float]) -> float:
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _delta(values: list[float]) -> float:
    """The growth of a counter: what it lost at resets is not subtracted."""
    return sum(after - before if after >= before else after for before, after in pairwise(values))


_REDUCERS: dict[str, Callable[[Values], float | None]] = {
    "lastNotNull": _some(lambda values: values[-1]),
    "last": lambda values: values[-1] if values else None,
    "firstNotNull": _some(lambda values: values[0]),
    "first": lambda values: values[0] if values else None,
    "mean": _some(lambda values: sum(values) / len(values)),
    "median": _some(_median),
    "min": _some(min),
    "max": _some(max),
    "sum": _some(sum),
    "total": _some(sum),
    "count": lambda values: float(len(values)),
    "countAll": lambda values: float(len(values)),
    "range": _some(lambda values: max(values) - min(values)),
    "delta": _some(_delta),
    "diff": _some(lambda values: values[-1] - values[0]),
    "diffperc": _some(lambda values: (values[-1] - values[0]) / values[0] if values[0] else math.nan),
    "stdDev": _some(lambda values: math.sqrt(_variance(values))),
    "variance": _some(_variance),
    "distinctCount": lambda values: float(len(set(values))),
    "allIsZero": lambda values: float(bool(values) and all(value == 0 for value in values)),
    "allIsNull": lambda values: float(not _present(values)),
    "logmin": _some(lambda values: min((value for value in values if value > 0), default=math.nan)),
    "step": _some(lambda values: min((b - a for a, b in pairwise(values)), default=math.nan, key=abs)),
}
REDUCERS = tuple(_REDUCERS)


def reduce(how: str, values: Values) -> float | None:
    """Raises KeyError for a calculation that isn't in REDUCERS."""
    return _REDUCERS[how](values)
