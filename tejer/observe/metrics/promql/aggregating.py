"""Aggregations over the rows of a vector. Source: prometheus/promql/engine.go (2.42), by meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tejer.observe.metrics.arrays import Flags, Values
from tejer.observe.metrics.promql.numbers import text_of
from tejer.observe.metrics.promql.quantiles import quantile
from tejer.observe.metrics.promql.vectors import QueryError, Value, Vector, empty, group_rows, only, without
from tejer.observe.metrics.series import Labels


class Grouped:
    """The rows of a vector in the order of their groups: `starts` is where each group begins."""

    def __init__(self, vector: Vector, groups: Mapping[Labels, Sequence[int]]) -> None:
        self.labels = list(groups)
        order = np.array([row for rows in groups.values() for row in rows])
        self.sizes = np.array([len(rows) for rows in groups.values()])
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.values, self.present = vector.values[order], vector.present[order]

    def reduce(self, operation: np.ufunc, rows: Values | Flags) -> Values:
        return np.asarray(operation.reduceat(rows, self.starts, axis=0))

    def spread(self, groups: Values) -> Values:
        """One row for each member, from one for each group."""
        return np.asarray(np.repeat(groups, self.sizes, axis=0))

    @property
    def counts(self) -> Values:
        return self.reduce(np.add, self.present.astype(float))

    @property
    def sums(self) -> Values:
        """Row after row, as Prometheus adds: another order can put a quantile's rank into the next bucket."""
        sums = np.zeros((len(self.sizes), self.values.shape[1]))
        members = np.repeat(np.arange(len(self.sizes)), self.sizes)
        np.add.at(sums, members, np.where(self.present, self.values, 0.0))
        return sums


def _extreme(operation: np.ufunc) -> Callable[[Grouped], Values]:
    return lambda g: g.reduce(operation, np.where(g.present, g.values, np.nan))


def _variance(g: Grouped) -> Values:
    away = g.values - g.spread(g.sums / g.counts)
    spread = g.reduce(np.add, np.where(g.present, away * away, 0.0)) / g.counts
    return np.where(g.counts == 1, 0.0, spread)  # also of one infinity


SIMPLE: Mapping[str, Callable[[Grouped], Values]] = {
    "sum": lambda g: g.sums,
    "avg": lambda g: g.sums / g.counts,
    "count": lambda g: g.counts,
    "min": _extreme(np.fmin),
    "max": _extreme(np.fmax),
    "group": lambda g: np.ones_like(g.counts),
    "stddev": lambda g: np.sqrt(_variance(g)),
    "stdvar": _variance,
}


def aggregate(operator: str, vector: Vector, key: Callable[[Labels], Labels], parameter: Value | None) -> Vector:
    """`operator` as it is written; `key` gives a row's group. Raises QueryError."""
    if not len(vector.labels):
        return empty(vector.values.shape[1])
    groups = group_rows(vector.labels, key)
    if operator in SIMPLE:
        grouped = Grouped(vector, groups)
        return Vector(grouped.labels, SIMPLE[operator](grouped), grouped.counts > 0).pruned()
    if operator == "count_values":
        assert isinstance(parameter, str)
        return _count_values(parameter, vector, groups)
    assert isinstance(parameter, np.ndarray)
    if operator == "quantile":
        return _quantile(parameter, vector, groups)
    return _extremes(operator, parameter, vector, groups)


def grouping(names: Sequence[str] | None, *, by: bool) -> Callable[[Labels], Labels]:
    """The group of a row: `by (names)`, `without (names)`; None is one group of all."""
    if names is None:
        return lambda _: ()
    return only(names) if by else without(names)


def _quantile(q: Values, vector: Vector, groups: Mapping[Labels, Sequence[int]]) -> Vector:
    values = np.zeros((len(groups), len(q)))
    present = np.zeros((len(groups), len(q)), bool)
    for i, rows in enumerate(groups.values()):
        present[i] = vector.present[rows].any(axis=0)
        for step in np.flatnonzero(present[i]):
            has = np.array(rows)[vector.present[rows, step]]
            values[i, step] = quantile(float(q[step]), vector.values[has, step][:, None])[0]
    return Vector(list(groups), values, present).pruned()


def _extremes(operator: str, k: Values, vector: Vector, groups: Mapping[Labels, Sequence[int]]) -> Vector:
    """topk and bottomk: the rows themselves. For an instant, best first."""
    if np.isnan(k).any() or (np.abs(k) >= 2**63).any():
        raise QueryError(f"Scalar value {k[0]:g} overflows int64")
    sign = -1.0 if operator == "topk" else 1.0
    chosen = np.zeros_like(vector.present)
    best: list[int] = []
    for rows in groups.values():
        members = np.array(rows)
        for step in range(len(k)):
            has = members[vector.present[members, step]]
            keyed = np.where(np.isnan(vector.values[has, step]), np.inf, sign * vector.values[has, step])
            take = has[np.argsort(keyed, kind="stable")[: max(0, int(k[step]))]]
            chosen[take, step] = True
            best += take.tolist() if len(k) == 1 else []
    if len(k) == 1:
        return Vector([vector.labels[i] for i in best], vector.values[best], chosen[best])
    return Vector(vector.labels, vector.values, chosen).pruned()


def _count_values(label: str, vector: Vector, groups: Mapping[Labels, Sequence[int]]) -> Vector:
    steps = vector.values.shape[1]
    counts: dict[Labels, Values] = {}
    for labels, rows in groups.items():
        for row in rows:
            for step in np.flatnonzero(vector.present[row]):
                named = dict(labels) | {label: text_of(float(vector.values[row, step]))}
                counts.setdefault(tuple(sorted(named.items())), np.zeros(steps))[step] += 1
    if not counts:
        return empty(steps)
    values = np.array(list(counts.values()))
    return Vector(list(counts), values, values > 0)
