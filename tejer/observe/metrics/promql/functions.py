"""Functions of instant vectors and scalars. Source: prometheus/promql/functions.go (2.42), by meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tejer.observe.metrics.arrays import Flags, Times, Values
from tejer.observe.metrics.promql.quantiles import histogram_quantile
from tejer.observe.metrics.promql.relabelling import label_join, label_replace
from tejer.observe.metrics.promql.vectors import Value, Vector, empty

Function = Callable[[Sequence[Value], Times], Value]
"""The evaluated arguments and the steps' times in ms."""


def _vector(value: Value) -> Vector:
    assert isinstance(value, Vector)
    return value


def _scalar(value: Value) -> Values:
    assert isinstance(value, np.ndarray)
    return value


def _mapped(function: Callable[[Values], Values]) -> Function:
    def call(arguments: Sequence[Value], _: Times) -> Vector:
        vector = _vector(arguments[0])
        return vector.with_values(function(vector.values)).unnamed()

    return call


def _round(arguments: Sequence[Value], _: Times) -> Vector:
    vector = _vector(arguments[0])
    inverse = 1.0 / (_scalar(arguments[1]) if len(arguments) > 1 else np.ones(vector.values.shape[1]))
    return vector.with_values(np.floor(vector.values * inverse + 0.5) / inverse).unnamed()


def _clamp(arguments: Sequence[Value], _: Times) -> Vector:
    vector, low, high = _vector(arguments[0]), _scalar(arguments[1]), _scalar(arguments[2])
    values = np.maximum(low, np.minimum(high, vector.values))
    return Vector(vector.labels, values, vector.present & ~(high < low)).pruned().unnamed()


def _clamp_min(arguments: Sequence[Value], _: Times) -> Vector:
    vector = _vector(arguments[0])
    return vector.with_values(np.maximum(_scalar(arguments[1]), vector.values)).unnamed()


def _clamp_max(arguments: Sequence[Value], _: Times) -> Vector:
    vector = _vector(arguments[0])
    return vector.with_values(np.minimum(_scalar(arguments[1]), vector.values)).unnamed()


def _sorted(*, descending: bool) -> Function:
    def call(arguments: Sequence[Value], _: Times) -> Vector:
        vector = _vector(arguments[0])
        if vector.values.shape[1] != 1:
            return vector  # a range has no order
        values = vector.values[:, 0]
        keyed = np.where(np.isnan(values), np.inf, -values if descending else values)
        order = np.argsort(keyed, kind="stable")
        return Vector([vector.labels[i] for i in order], vector.values[order], vector.present[order])

    return call


def _to_scalar(arguments: Sequence[Value], _: Times) -> Values:
    vector = _vector(arguments[0])
    alone = vector.present.sum(axis=0) == 1
    return np.where(alone, np.where(vector.present, vector.values, 0.0).sum(axis=0), np.nan)


def _to_vector(arguments: Sequence[Value], _: Times) -> Vector:
    scalar = _scalar(arguments[0])
    return Vector([()], scalar[None, :], np.ones((1, len(scalar)), bool))


def _time(_: Sequence[Value], times: Times) -> Values:
    return times / 1000


def _calendar(part: Callable[[np.ndarray], np.ndarray]) -> Function:
    """A part of the date, UTC, of each value (Unix seconds); without an argument, of the time itself."""

    def call(arguments: Sequence[Value], times: Times) -> Vector:
        if not arguments:
            arguments = [_to_vector([times / 1000], times)]
        vector = _vector(arguments[0])
        moments = np.where(np.isfinite(vector.values), vector.values, 0).astype("int64").astype("datetime64[s]")
        return vector.with_values(part(moments).astype(float)).unnamed()

    return call


def _since(moments: np.ndarray, whole: str, unit: str) -> np.ndarray:
    return np.asarray((moments.astype(f"datetime64[{unit}]") - moments.astype(f"datetime64[{whole}]")).astype(int))


def _days_in_month(moments: np.ndarray) -> np.ndarray:
    months = moments.astype("datetime64[M]")
    return np.asarray(((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int))


def _histogram_quantile(arguments: Sequence[Value], _: Times) -> Vector:
    return histogram_quantile(_scalar(arguments[0]), _vector(arguments[1]))


_MATH: Mapping[str, np.ufunc] = {
    "abs": np.abs, "ceil": np.ceil, "floor": np.floor, "exp": np.exp, "sqrt": np.sqrt, "ln": np.log, "log2": np.log2,
    "log10": np.log10, "sgn": np.sign, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "deg": np.degrees, "rad": np.radians,
}  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {
    **{name: _mapped(function) for name, function in _MATH.items()},
    "round": _round,
    "clamp": _clamp,
    "clamp_min": _clamp_min,
    "clamp_max": _clamp_max,
    "sort": _sorted(descending=False),
    "sort_desc": _sorted(descending=True),
    "scalar": _to_scalar,
    "vector": _to_vector,
    "time": _time,
    "pi": lambda _, times: np.full(len(times), np.pi),
    "minute": _calendar(lambda m: _since(m, "h", "m")),
    "hour": _calendar(lambda m: _since(m, "D", "h")),
    "day_of_week": _calendar(lambda m: (m.astype("datetime64[D]").astype(int) + 4) % 7),
    "day_of_month": _calendar(lambda m: _since(m, "M", "D") + 1),
    "day_of_year": _calendar(lambda m: _since(m, "Y", "D") + 1),
    "days_in_month": _calendar(_days_in_month),
    "month": _calendar(lambda m: _since(m, "Y", "M") + 1),
    "year": _calendar(lambda m: m.astype("datetime64[Y]").astype(int) + 1970),
    "label_replace": lambda arguments, _: label_replace(_vector(arguments[0]), *map(str, arguments[1:])),
    "label_join": lambda arguments, _: label_join(_vector(arguments[0]), *map(str, arguments[1:])),
    "histogram_quantile": _histogram_quantile,
}


def absent(vector: Vector, labels: tuple[tuple[str, str], ...]) -> Vector:
    """1 where nothing is there, under the labels that the selector asked for."""
    gone: Flags = np.asarray(~vector.present.any(axis=0))
    if not gone.any():
        return empty(len(gone))
    return Vector([labels], np.ones((1, len(gone))), gone[None, :])
