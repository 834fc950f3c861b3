"""Values as Prometheus's JSON has them. Source: prometheus.io/docs "HTTP API", Expression query result formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tejer.observe.metrics.arrays import Times
from tejer.observe.metrics.promql.numbers import text_of
from tejer.observe.metrics.promql.selecting import Windows
from tejer.observe.metrics.promql.vectors import QueryError, Value, Vector


def seconds(milliseconds: int) -> float | int:
    whole, rest = divmod(milliseconds, 1000)
    return milliseconds / 1000 if rest else whole


def instant(value: Value, time: int) -> dict[str, Any]:
    if isinstance(value, str):
        return {"resultType": "string", "result": [seconds(time), value]}
    if not isinstance(value, Vector):
        return {"resultType": "scalar", "result": [seconds(time), text_of(float(value[0]))]}
    at = seconds(time)
    rows = [
        {"metric": dict(labels), "value": [at, text_of(number)]}
        for labels, number, present in zip(
            value.labels, value.values[:, 0].tolist(), value.present[:, 0].tolist(), strict=True
        )
        if present
    ]
    return {"resultType": "vector", "result": rows}


def matrix(value: Value, steps: Times) -> dict[str, Any]:
    """Raises QueryError for text, which has no range."""
    if isinstance(value, str):
        raise QueryError(
            'invalid expression type "string" for range query, must be Scalar or instant Vector', "bad_data"
        )
    times = [seconds(time) for time in steps.tolist()]
    if not isinstance(value, Vector):
        points = [[time, text_of(number)] for time, number in zip(times, value.tolist(), strict=True)]
        return {"resultType": "matrix", "result": [{"metric": {}, "values": points}]}
    rows = []
    for labels, numbers, present in zip(value.labels, value.values, value.present, strict=True):
        where = np.flatnonzero(present).tolist()
        points = [[times[k], text_of(number)] for k, number in zip(where, numbers[where].tolist(), strict=True)]
        rows.append((labels, {"metric": dict(labels), "values": points}))
    return {"resultType": "matrix", "result": [row for _, row in sorted(rows, key=lambda row: row[0])]}


def samples(windows: Sequence[Windows]) -> dict[str, Any]:
    """The samples of a range vector at one instant."""
    rows = []
    for window in windows:
        low, high = int(window.low[0]), int(window.high[0])
        times = [seconds(time) for time in window.times[low:high].tolist()]
        for labels, numbers in zip(window.labels, window.values[:, low:high].tolist(), strict=True):
            if times:
                points = [[time, text_of(number)] for time, number in zip(times, numbers, strict=True)]
                rows.append({"metric": dict(labels), "values": points})
    return {"resultType": "matrix", "result": rows}
