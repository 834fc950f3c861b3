"""Functions of range vectors: rates and `..._over_time`. Source: prometheus/promql/functions.go (2.42), by meaning.

Each takes `Windows` with the call's scalar parameters (a number for each step), and gives the values of shape
(rows, steps); `NEEDS` says how many samples a window must have for a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tejer.observe.metrics.arrays import Times, Values
from tejer.observe.metrics.promql.quantiles import quantile
from tejer.observe.metrics.promql.selecting import Windows
from tejer.observe.metrics.promql.vectors import QueryError

RangeFunction = Callable[[Windows, Sequence[Values]], Values]


def _first_and_last(w: Windows) -> tuple[Values, Values]:
    """Values at both ends of each window; anything where the window is empty."""
    return w.values[:, np.minimum(w.low, len(w.times) - 1)], w.values[:, np.maximum(w.high - 1, 0)]


def _first_and_last_time(w: Windows) -> tuple[Times, Times]:
    """In ms: differences of integers are exact, those of seconds since 1970 are not."""
    return w.times[np.minimum(w.low, len(w.times) - 1)], w.times[np.maximum(w.high - 1, 0)]


def _resets_between(w: Windows) -> Values:
    """The sum of what a counter lost at its resets inside each window."""
    lost = np.where(np.diff(w.values, axis=1) < 0, w.values[:, :-1], 0.0)
    if not lost.any():
        return np.zeros((len(w.values), len(w.low)))
    inside = replace(w, values=lost, high=np.maximum(w.high - 1, w.low))
    return np.where(inside.counts > 0, _reduced(inside, np.add), 0.0)


def _extrapolated(w: Windows, *, counter: bool, per_second: bool) -> Values:
    first, last = _first_and_last(w)
    change = last - first
    if counter:
        change = change + _resets_between(w)
    begins, finishes = _first_and_last_time(w)
    sampled = (finishes - begins) / 1000
    average = sampled / (w.counts - 1)
    to_start = (begins - w.starts) / 1000
    to_end = (w.ends - finishes) / 1000
    threshold = average * 1.1
    reach_back = np.broadcast_to(to_start, change.shape)
    if counter:  # it can't have been below zero before
        to_zero = np.where((change > 0) & (first >= 0), sampled * (first / np.where(change == 0, 1, change)), np.inf)
        reach_back = np.minimum(reach_back, to_zero)
    reach = sampled + np.where(reach_back < threshold, reach_back, average / 2)
    reach = reach + np.where(to_end < threshold, to_end, average / 2)
    factor = reach / sampled
    if per_second:
        factor = factor / ((w.ends - w.starts) / 1000)
    return np.asarray(change * factor)


def _instant(w: Windows, *, counter: bool) -> Values:
    last = np.maximum(w.high - 1, 1)
    before, now = w.values[:, last - 1], w.values[:, last]
    change = now - before
    if not counter:
        return change
    return np.asarray(np.where(change < 0, now, change) / ((w.times[last] - w.times[last - 1]) / 1000))


def _reduced(w: Windows, operation: np.ufunc) -> Values:
    """`operation` over each window, by reduceat on (low, high) pairs."""
    padded = np.concatenate([w.values, np.zeros((len(w.values), 1))], axis=1)
    pairs = np.minimum(np.stack([w.low, w.high], axis=1).ravel(), w.values.shape[1])
    return np.asarray(operation.reduceat(padded, pairs, axis=1)[:, ::2])


def _checked(w: Windows) -> Iterator[tuple[int, tuple[int, int]]]:
    """The windows one by one, for what can't be computed for all at once."""
    for k, window in enumerate(zip(w.low.tolist(), w.high.tolist(), strict=True)):
        w.check()
        yield k, window


def _each_window(w: Windows, function: Callable[[Values, Times], Values]) -> Values:
    """`function(values (rows, samples), times in ms)` for each window with samples."""
    result = np.full((len(w.values), len(w.low)), np.nan)
    for k, (low, high) in _checked(w):
        if high > low:
            result[:, k] = function(w.values[:, low:high], w.times[low:high])
    return result


def _marks(w: Windows, marks: np.ndarray) -> Values:
    """How many of `marks` (rows, samples - 1), each between two samples, lie inside each window."""
    total = np.concatenate([np.zeros((len(marks), 1), int), np.cumsum(marks, axis=1)], axis=1)
    inside = total[:, np.maximum(w.high - 1, 0)] - total[:, np.minimum(w.low, len(w.times) - 1)]
    return np.asarray(inside, float)


def _changes(w: Windows, _: Sequence[Values]) -> Values:
    before, after = w.values[:, :-1], w.values[:, 1:]
    return _marks(w, (before != after) & ~(np.isnan(before) & np.isnan(after)))


def _resets(w: Windows, _: Sequence[Values]) -> Values:
    return _marks(w, np.diff(w.values, axis=1) < 0)


def _deviation(values: Values, _: Times) -> Values:
    return np.asarray(np.std(values, axis=1))


def _variance(values: Values, _: Times) -> Values:
    return np.asarray(np.var(values, axis=1))


def _quantile_over_time(w: Windows, parameters: Sequence[Values]) -> Values:
    result = np.full((len(w.values), len(w.low)), np.nan)
    for k, (low, high) in _checked(w):
        if high > low:
            result[:, k] = quantile(parameters[0][k], w.values[:, low:high].T)
    return result


def regression(values: Values, times: Times, origin: int) -> tuple[Values, Values]:
    """(slope per second, value at `origin`) of the least squares line through each row. Times are in ms."""
    x = (times - origin) / 1000
    mean_x, mean_y = x.mean(), values.mean(axis=1)
    spread = ((x - mean_x) ** 2).sum()
    slope = ((values - mean_y[:, None]) * (x - mean_x)).sum(axis=1) / spread
    level = (values == values[:, :1]).all(axis=1)
    slope = np.where(level, np.where(np.isinf(values[:, 0]), np.nan, 0.0), slope)
    at_origin = np.where(level, np.where(np.isinf(values[:, 0]), np.nan, values[:, 0]), mean_y - slope * mean_x)
    return slope, at_origin


def _deriv(w: Windows, _: Sequence[Values]) -> Values:
    return _each_window(w, lambda v, t: regression(v, t, int(t[0]))[0] if len(t) > 1 else v[:, 0] * np.nan)


def _predict_linear(w: Windows, parameters: Sequence[Values]) -> Values:
    result = np.full((len(w.values), len(w.low)), np.nan)
    for k, (low, high) in _checked(w):
        if high - low > 1:
            slope, now = regression(w.values[:, low:high], w.times[low:high], int(w.ends[k]))
            result[:, k] = slope * parameters[0][k] + now
    return result


def _holt_winters(w: Windows, parameters: Sequence[Values]) -> Values:
    result = np.full((len(w.values), len(w.low)), np.nan)
    for k, (low, high) in _checked(w):
        smoothing, trend = float(parameters[0][k]), float(parameters[1][k])
        for name, factor in (("smoothing", smoothing), ("trend", trend)):
            if not 0 < factor < 1:
                raise QueryError(f"invalid {name} factor. Expected: 0 < {name[0]}f < 1, got: {factor:g}")
        if high - low > 1:
            result[:, k] = _smooth(w.values[:, low:high], smoothing, trend)
    return result


def _smooth(values: Values, smoothing: float, trend: float) -> Values:
    level, slope = values[:, 0], values[:, 1] - values[:, 0]
    before = level
    for i in range(1, values.shape[1]):
        if i > 1:
            slope = trend * (level - before) + (1 - trend) * slope
        before = level
        level = smoothing * values[:, i] + (1 - smoothing) * (level + slope)
    return np.asarray(level)


def _counted(w: Windows) -> Values:
    return np.broadcast_to(w.counts.astype(float), (len(w.values), len(w.low)))


FUNCTIONS: Mapping[str, RangeFunction] = {
    "rate": lambda w, _: _extrapolated(w, counter=True, per_second=True),
    "increase": lambda w, _: _extrapolated(w, counter=True, per_second=False),
    "delta": lambda w, _: _extrapolated(w, counter=False, per_second=False),
    "irate": lambda w, _: _instant(w, counter=True),
    "idelta": lambda w, _: _instant(w, counter=False),
    "deriv": _deriv,
    "predict_linear": _predict_linear,
    "double_exponential_smoothing": _holt_winters,
    "changes": _changes,
    "resets": _resets,
    "sum_over_time": lambda w, _: _reduced(w, np.add),
    "avg_over_time": lambda w, _: _reduced(w, np.add) / w.counts,
    "min_over_time": lambda w, _: _reduced(w, np.fmin),
    "max_over_time": lambda w, _: _reduced(w, np.fmax),
    "count_over_time": lambda w, _: _counted(w),
    "last_over_time": lambda w, _: _first_and_last(w)[1],
    "present_over_time": lambda w, _: np.ones((len(w.values), len(w.low))),
    "quantile_over_time": _quantile_over_time,
    "stddev_over_time": lambda w, _: _each_window(w, _deviation),
    "stdvar_over_time": lambda w, _: _each_window(w, _variance),
}
NEEDS: Mapping[str, int] = dict.fromkeys(
    ("rate", "increase", "delta", "irate", "idelta", "deriv", "predict_linear",
     "double_exponential_smoothing"), 2,
)  # fmt: skip
KEEPS_NAME = frozenset({"last_over_time"})
