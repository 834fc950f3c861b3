"""Quantiles of samples and of histograms. Source: prometheus/promql/quantile.go (2.42), by meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tejer.observe.metrics.arrays import Flags, Values
from tejer.observe.metrics.promql.vectors import Picker, Vector, empty, group_rows, without
from tejer.observe.metrics.series import Labels

LE = "le"


def quantile(q: float, samples: Values) -> Values:
    """The q-quantile of each column, interpolated; NaN samples count as the smallest."""
    if np.isnan(q):
        return np.full(samples.shape[1], np.nan)
    if q < 0 or q > 1:
        return np.full(samples.shape[1], -np.inf if q < 0 else np.inf)
    ordered = np.sort(np.where(np.isnan(samples), -np.inf, samples), axis=0)
    missing = np.isnan(samples).sum(axis=0)
    ordered = np.where(np.arange(len(ordered))[:, None] < missing, np.nan, ordered)
    rank = q * (len(ordered) - 1)
    below = int(max(0, np.floor(rank)))
    above = min(len(ordered) - 1, below + 1)
    weight = rank - np.floor(rank)
    return np.asarray(ordered[below] * (1 - weight) + ordered[above] * weight)


def histogram_quantile(q: Values, buckets: Vector) -> Vector:
    """The q-quantile (one q a step) of each histogram among `buckets`, rows with a label `le`."""
    steps = len(q)
    bounds_of = _bounds(buckets.labels)
    groups = group_rows(buckets.labels, without((LE,)))
    shapes: dict[tuple[float, ...], list[tuple[Labels, list[int]]]] = {}
    for labels, members in groups.items():
        ordered = sorted([row for row in members if row in bounds_of], key=bounds_of.__getitem__)
        if ordered:
            shapes.setdefault(tuple([bounds_of[row] for row in ordered]), []).append((labels, ordered))
    names: list[Labels] = []
    values: list[Values] = []
    present: list[Flags] = []
    for bounds, found in shapes.items():
        index = np.array([members for _, members in found])
        has = buckets.present[index]
        names += [labels for labels, _ in found]
        present.append(has.any(axis=1))
        values.append(_quantiles(q, np.array(bounds), buckets.values[index], has))
    if not names:
        return empty(steps)
    return Vector(names, np.concatenate(values), np.concatenate(present)).merged().pruned()


def _bounds(labels: Sequence[Labels]) -> dict[int, float]:
    """Row -> the number in its label `le`; rows without one are left out."""
    known: dict[Labels, float | None] = {}
    found = {}
    for row, picked in enumerate(Picker((LE,), keep=True).each(labels)):
        if picked not in known:
            known[picked] = _number(picked[0][1]) if picked else None
        if (bound := known[picked]) is not None:
            found[row] = bound
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _quantiles(q: Values, bounds: Values, counts: Values, present: Flags) -> Values:
    """For histograms with the same bounds: counts and present have the shape (histograms, buckets, steps)."""
    distinct = len(set(bounds.tolist())) == len(bounds)
    result = _regular(q, bounds, counts) if distinct else np.full((len(counts), len(q)), np.nan)
    odd = ~present.all(axis=1) & present.any(axis=1) if distinct else present.any(axis=1)
    for histogram, step in np.argwhere(odd):
        has = present[histogram, :, step]
        merged: dict[float, float] = {}
        for bound, count in zip(bounds[has].tolist(), counts[histogram, has, step].tolist(), strict=True):
            merged[bound] = merged.get(bound, 0.0) + count
        column = np.array(list(merged.values()))[None, :, None]
        result[histogram, step] = _regular(q[step : step + 1], np.array(list(merged)), column)[0, 0]
    return result


def _regular(q: Values, bounds: Values, counts: Values) -> Values:
    if len(bounds) < 2 or not np.isposinf(bounds[-1]):
        return _outside(q, np.full((len(counts), len(q)), np.nan))
    rising = np.maximum.accumulate(counts, axis=1)
    total = rising[:, -1]
    rank = q * total
    bucket = (rising[:, :-1] < rank[:, None]).sum(axis=1)
    at = np.take_along_axis(rising, bucket[:, None], axis=1)[:, 0]
    below = np.where(bucket > 0, np.take_along_axis(rising, np.maximum(bucket - 1, 0)[:, None], axis=1)[:, 0], 0.0)
    start = np.where(bucket > 0, bounds[np.maximum(bucket - 1, 0)], 0.0)
    share = (rank - below) / (at - below)
    value = start + (bounds[bucket] - start) * share
    value = np.where(bucket == len(bounds) - 1, bounds[-2], value)
    value = np.where((bucket == 0) & (bounds[0] <= 0), bounds[0], value)
    return _outside(q, np.where(total == 0, np.nan, value))


def _outside(q: Values, values: Values) -> Values:
    """A q that is no share of anything answers so, whatever the histogram."""
    values = np.where(np.isnan(q), np.nan, values)
    return np.asarray(np.where(q < 0, -np.inf, np.where(q > 1, np.inf, values)))
