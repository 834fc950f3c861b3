"""Two answers to a query, by value: relative 1e-7, NaN equals NaN, the order of series does not matter."""

from __future__ import annotations

import math
from typing import Any

RELATIVE = 1e-7
NEAR_ZERO = 1e-9
"""Differences of numbers near 1 leave noise of this size."""


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """What differs between two `data` objects, "" for nothing."""
    if ours["resultType"] != theirs["resultType"]:
        return f"a {ours['resultType']}, not a {theirs['resultType']}"
    if ours["resultType"] in ("scalar", "string"):
        same = ours["result"] == theirs["result"] or _close(ours["result"][1], theirs["result"][1])
        return "" if same else f"{ours['result']}, not {theirs['result']}"
    mine, real = _by_labels(ours["result"]), _by_labels(theirs["result"])
    if mine.keys() != real.keys():
        return f"only here {sorted(mine.keys() - real.keys())[:2]}, only there {sorted(real.keys() - mine.keys())[:2]}"
    for labels, points in mine.items():
        if points.keys() != real[labels].keys():
            return f"{labels}: other times, {sorted(points.keys() ^ real[labels].keys())[:3]}"
        for time, value in points.items():
            if not _close(value, real[labels][time]):
                return f"{labels} at {time}: {value}, not {real[labels][time]}"
    return ""


def _by_labels(result: list[dict[str, Any]]) -> dict[tuple[tuple[str, str], ...], dict[int, str]]:
    return {
        tuple(sorted(row["metric"].items())): {
            round(time * 1000): value for time, value in (row["values"] if "values" in row else [row["value"]])
        }
        for row in result
    }


def _close(one: str, other: str) -> bool:
    a, b = float(one), float(other)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= max(RELATIVE * max(abs(a), abs(b)), NEAR_ZERO if max(abs(a), abs(b)) < 1 else 0)
