"""Binary operators between scalars and vectors. Source: prometheus/promql/engine.go (2.42), by meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tejer.observe.metrics.arrays import Flags, Values
from tejer.observe.metrics.promql.vectors import (
    QueryError,
    Value,
    Vector,
    empty,
    group_rows,
    only,
    stacked,
    unnamed,
    without,
)
from tejer.observe.metrics.series import Labels

ARITHMETIC: Mapping[str, np.ufunc] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.fmod, "^": np.power, "atan2": np.arctan2,
}  # fmt: skip
COMPARISON: Mapping[str, np.ufunc] = {
    "==": np.equal, "!=": np.not_equal, ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal,
}  # fmt: skip
SETS = ("and", "or", "unless")


class Matching(NamedTuple):
    """How rows of two vectors find each other. `many` is the side that may have several rows: "", left or right."""

    names: tuple[str, ...] = ()
    on: bool = False
    many: str = ""
    include: tuple[str, ...] = ()

    @property
    def signature(self) -> Callable[[Labels], Labels]:
        return only(self.names) if self.on else without(self.names)


def operate(operator: str, left: Value, right: Value, matching: Matching, *, as_bool: bool) -> Value:
    """Raises QueryError where rows don't match one to one, or as `matching` allows."""
    if isinstance(left, str) or isinstance(right, str):
        raise QueryError(f"binary operator {operator} takes no strings", "bad_data")
    if isinstance(left, Vector) and isinstance(right, Vector):
        if operator in SETS:
            return _set(operator, left, right, matching.signature)
        return _Pairing(operator, left, right, matching, as_bool).result()
    if isinstance(left, Vector) or isinstance(right, Vector):
        return _with_scalar(operator, left, right, as_bool=as_bool)
    function = ARITHMETIC.get(operator) or COMPARISON[operator]
    return np.asarray(function(left, right), float)


def _with_scalar(operator: str, left: Vector | Values, right: Vector | Values, *, as_bool: bool) -> Vector:
    vector = left if isinstance(left, Vector) else right
    assert isinstance(vector, Vector)
    one = left.values if isinstance(left, Vector) else left[None, :]
    other = right.values if isinstance(right, Vector) else right[None, :]
    if operator in ARITHMETIC:
        return vector.with_values(ARITHMETIC[operator](one, other)).unnamed()
    holds = COMPARISON[operator](one, other)
    if as_bool:
        return vector.with_values(holds.astype(float)).unnamed()
    return Vector(vector.labels, vector.values, vector.present & holds).pruned()


def _set(operator: str, left: Vector, right: Vector, signature: Callable[[Labels], Labels]) -> Vector:
    numbers: dict[Labels, int] = {}
    of_left = np.array([numbers.setdefault(signature(labels), len(numbers)) for labels in left.labels], int)
    of_right = np.array([numbers.setdefault(signature(labels), len(numbers)) for labels in right.labels], int)
    steps = left.values.shape[1]
    in_left, in_right = (np.zeros((len(numbers) + 1, steps), bool) for _ in range(2))
    np.logical_or.at(in_left, of_left, left.present)
    np.logical_or.at(in_right, of_right, right.present)
    if operator == "or":
        rest = Vector(right.labels, right.values, right.present & ~in_left[of_right])
        return stacked((left, rest), steps).merged().pruned()
    other = in_right[of_left]
    return Vector(left.labels, left.values, left.present & (other if operator == "and" else ~other)).pruned()


class _Pairing:
    """Arithmetic and comparisons between the rows of two vectors."""

    def __init__(self, operator: str, left: Vector, right: Vector, matching: Matching, as_bool: bool) -> None:
        self.operator, self.left, self.right = operator, left, right
        self.matching, self.as_bool = matching, as_bool
        self.many, self.one = (right, left) if matching.many == "right" else (left, right)

    def result(self) -> Vector:
        signature = self.matching.signature
        ones = group_rows(self.one.labels, signature)
        self._unique(ones)
        pairs = [
            (i, j, found)
            for i, labels in enumerate(self.many.labels)
            if (found := signature(labels)) in ones
            for j in ones[found]
        ]
        steps = self.left.values.shape[1]
        if not pairs:
            return empty(steps)
        many, one = np.array([i for i, _, _ in pairs]), np.array([j for _, j, _ in pairs])
        values, present = self._values(many, one)
        if not self.matching.many:
            self._one_to_one([found for _, _, found in pairs], present)
        labels = [self._labels(self.many.labels[i], self.one.labels[j]) for i, j, _ in pairs]
        try:
            return Vector(labels, values, present).pruned().merged()
        except QueryError:
            raise QueryError("multiple matches for labels: grouping labels must ensure unique matches") from None

    def _values(self, many: np.ndarray, one: np.ndarray) -> tuple[Values, Flags]:
        swapped = self.matching.many == "right"
        left, right = (one, many) if swapped else (many, one)
        first, second = self.left.values[left], self.right.values[right]
        present = self.left.present[left] & self.right.present[right]
        if self.operator in ARITHMETIC:
            return ARITHMETIC[self.operator](first, second), present
        holds = COMPARISON[self.operator](first, second)
        if self.as_bool:
            return holds.astype(float), present
        return first, present & holds

    def _unique(self, ones: Mapping[Labels, Sequence[int]]) -> None:
        """The one side may have one row for a signature at each step, where the other side has any row at all."""
        both = self.many.present.any(axis=0)
        side = "left" if self.matching.many == "right" else "right"
        for signature, rows in ones.items():
            if len(rows) > 1 and (both & (self.one.present[rows].sum(axis=0) > 1)).any():
                where = ", ".join(f'{name}="{value}"' for name, value in signature)
                raise QueryError(
                    f"found duplicate series for the match group {{{where}}} on the {side} hand-side of the operation; "
                    "many-to-many matching not allowed: matching labels must be unique on one side"
                )

    def _one_to_one(self, signatures: Sequence[Labels], present: Flags) -> None:
        seen: dict[Labels, Flags] = {}
        for signature, row in zip(signatures, present, strict=True):
            if signature in seen and (seen[signature] & row).any():
                raise QueryError(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                )
            seen[signature] = seen[signature] | row if signature in seen else row

    def _labels(self, many: Labels, one: Labels) -> Labels:
        keeps_name = self.operator in COMPARISON and not self.as_bool
        labels = many if keeps_name else unnamed(many)
        if not self.matching.many:
            names = frozenset(self.matching.names)
            return tuple(pair for pair in labels if (pair[0] in names) == self.matching.on)
        if not self.matching.include:
            return labels
        included = {name: value for name, value in one if name in self.matching.include}
        kept = {name: value for name, value in labels if name not in self.matching.include}
        return tuple(sorted((kept | included).items()))
