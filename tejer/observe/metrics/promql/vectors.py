"""What expressions evaluate to: vectors over a grid of steps, scalars and text.

All steps of a range query are evaluated at once; an instant query is a range query of one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

import numpy as np

from tejer.observe.metrics.arrays import Flags, Values
from tejer.observe.metrics.series import Labels

NAME = "__name__"


class QueryError(ValueError):
    """`kind` is Prometheus's errorType: bad_data, execution or timeout; "unsupported" is what this engine lacks."""

    def __init__(self, message: str, kind: str = "execution") -> None:
        super().__init__(message)
        self.kind = kind


def not_supported(what: str) -> QueryError:
    return QueryError(f"{what} is not supported", "unsupported")


@dataclass(frozen=True, slots=True)
class Vector:
    """Row i: the series `labels[i]`, its value at each step, and whether it has one there. Shapes (n, steps)."""

    labels: Sequence[Labels]
    values: Values
    present: Flags

    def pruned(self) -> Vector:
        """Without rows that have no value at any step."""
        keep = self.present.any(axis=1)
        if keep.all():
            return self
        rows = np.flatnonzero(keep)
        return Vector([self.labels[i] for i in rows.tolist()], self.values[rows], self.present[rows])

    def with_values(self, values: Values) -> Vector:
        return Vector(self.labels, values, self.present)

    def unnamed(self) -> Vector:
        """Without the metric's name, as after anything that makes another metric of it."""
        return Vector(all_unnamed(self.labels), self.values, self.present).merged()

    def merged(self) -> Vector:
        """Rows with the same labels become one. Raises QueryError where two of them have a value at the same step."""
        if len(set(self.labels)) == len(self.labels):
            return self
        rows: dict[Labels, list[int]] = {}
        for i, labels in enumerate(self.labels):
            rows.setdefault(labels, []).append(i)
        values, present = [], []
        for same in rows.values():
            if (self.present[same].sum(axis=0) > 1).any():
                raise QueryError("vector cannot contain metrics with the same labelset")
            present.append(self.present[same].any(axis=0))
            values.append(np.where(self.present[same], self.values[same], 0.0).sum(axis=0))
        return Vector(list(rows), np.array(values), np.array(present))


Value: TypeAlias = Vector | Values | str
"""A scalar is one number for each step."""


def empty(steps: int) -> Vector:
    return Vector([], np.zeros((0, steps)), np.zeros((0, steps), bool))


def stacked(parts: Iterable[Vector], steps: int) -> Vector:
    """The rows of all parts."""
    found = [part for part in parts if len(part.labels)]
    if not found:
        return empty(steps)
    if len(found) == 1:
        return found[0]
    return Vector(
        [labels for part in found for labels in part.labels],
        np.concatenate([part.values for part in found]),
        np.concatenate([part.present for part in found]),
    )


def unnamed(labels: Labels) -> Labels:
    if labels and labels[0][0] == NAME:
        return labels[1:]
    return tuple(pair for pair in labels if pair[0] != NAME)


def all_unnamed(many: Iterable[Labels]) -> list[Labels]:
    """The name is nearly always the first label: of a hundred thousand rows, a call for each would be half the time."""
    return [labels[1:] if labels and labels[0][0] == NAME else unnamed(labels) for labels in many]


def group_rows(labels: Sequence[Labels], key: Callable[[Labels], Labels]) -> dict[Labels, list[int]]:
    """Rows by `key`, in the order of first appearance."""
    groups: dict[Labels, list[int]] = {}
    of = groups.get
    for i, found in enumerate(key.each(labels) if isinstance(key, Picker) else map(key, labels)):
        rows = of(found)
        if rows is None:
            groups[found] = [i]
        else:
            rows.append(i)
    return groups


class Picker:
    """Picks labels by name. Series of a metric have the same names: where they stand is found out once for all."""

    def __init__(self, names: Iterable[str], *, keep: bool) -> None:
        self._plans = _Plans(frozenset(names), keep)

    def __call__(self, labels: Labels) -> Labels:
        return self._plans[tuple([name for name, _ in labels])](labels)

    def each(self, many: Iterable[Labels]) -> list[Labels]:
        """Of a hundred thousand rows in one loop: a call for each would take twice the time."""
        plans = self._plans
        return [plans[tuple([name for name, _ in labels])](labels) for labels in many]


class _Plans(dict[tuple[str, ...], Callable[[Labels], Labels]]):
    """By the names of all labels, what picks the wanted ones."""

    def __init__(self, names: frozenset[str], keep: bool) -> None:
        super().__init__()
        self._names, self._keep = names, keep

    def __missing__(self, layout: tuple[str, ...]) -> Callable[[Labels], Labels]:
        positions = [i for i, name in enumerate(layout) if (name in self._names) == self._keep]
        if len(positions) > 1:
            self[layout] = itemgetter(*positions)
        else:
            self[layout] = lambda labels: tuple([labels[i] for i in positions])
        return self[layout]


def without(names: Iterable[str]) -> Callable[[Labels], Labels]:
    """Labels without these and the metric's name."""
    return Picker([*names, NAME], keep=False)


def only(names: Iterable[str]) -> Callable[[Labels], Labels]:
    return Picker(names, keep=True)
