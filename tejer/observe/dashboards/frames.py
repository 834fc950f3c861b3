"""Prometheus' answers → frames: named columns of equal length, which panels and transformations work on. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tejer.observe.dashboards.model import Target

Cell: TypeAlias = float | int | str | None
MAX_SERIES = 1000
MAX_ROWS = 10_000
_LEGEND = re.compile(r"\{\{\s*(.+?)\s*\}\}")
AUTO = "__auto"


@dataclass(frozen=True)
class Field:
    """A column. `labels` and `display` are those of the series that a number column holds."""

    name: str
    kind: Literal["time", "number", "string"]
    values: list[Any] = field(default_factory=list)
    labels: Mapping[str, str] = field(default_factory=dict)
    display: str = ""


@dataclass(frozen=True)
class Frame:
    """`step` is milliseconds between points of a range query, 0 for the answer of an instant one."""

    ref_id: str
    fields: tuple[Field, ...]
    step: int = 0

    @property
    def length(self) -> int:
        return len(self.fields[0].values) if self.fields else 0


def number(text: object) -> float | None:
    """A sample's value: Prometheus writes them as text. NaN is no value to draw."""
    try:
        value = float(text)  # type: ignore[arg-type]  # whatever it is, float() says so
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def series_frames(target: Target, data: Mapping[str, Any], step: int) -> list[Frame]:
    """One frame (Time, Value) for each series, named by the target's legend; at most MAX_SERIES."""
    found = list(_samples(data))[:MAX_SERIES]
    names = _legends(target, [labels for labels, _ in found])
    return [
        Frame(
            target.ref_id,
            (
                Field("Time", "time", [int(float(at) * 1000) for at, _ in samples]),
                Field("Value", "number", [number(value) for _, value in samples], labels, name),
            ),
            step,
        )
        for (labels, samples), name in zip(found, names, strict=True)
    ]


def table_frame(target: Target, data: Mapping[str, Any], several: bool) -> Frame:
    """One frame: Time, a column for each label, and the value (`Value #A` where there are `several` queries)."""
    found = list(_samples(data))[:MAX_SERIES]
    names = sorted({name for labels, _ in found for name in labels})
    rows = [(labels, at, value) for labels, samples in found for at, value in samples][:MAX_ROWS]
    columns = [Field("Time", "time", [int(float(at) * 1000) for _, at, _ in rows])]
    columns += [Field(name, "string", [labels.get(name) for labels, _, _ in rows]) for name in names]
    value_name = f"Value #{target.ref_id}" if several else "Value"
    columns.append(Field(value_name, "number", [number(value) for _, _, value in rows]))
    return Frame(target.ref_id, tuple(columns))


def count(data: Mapping[str, Any]) -> int:
    """How many series an answer holds."""
    result = data.get("result")
    return len(result) if isinstance(result, list) and data.get("resultType") in ("matrix", "vector") else 1


def _samples(data: Mapping[str, Any]) -> Sequence[tuple[dict[str, str], list[tuple[Any, Any]]]]:
    """(labels, samples) of a matrix, vector, scalar or string result."""
    kind, result = data.get("resultType"), data.get("result")
    if not isinstance(result, list):
        return []
    if kind in ("scalar", "string"):
        return [({}, [(result[0], result[1])])] if len(result) == 2 else []
    found = []
    for one in result:
        if not isinstance(one, dict):
            continue
        samples = one.get("values") if kind == "matrix" else [one.get("value")]
        pairs = [(pair[0], pair[1]) for pair in samples or [] if isinstance(pair, list) and len(pair) == 2]
        if pairs:
            found.append((one.get("metric") or {}, pairs))
    return found


def _legends(target: Target, labels: Sequence[Mapping[str, str]]) -> list[str]:
    if target.legend == AUTO:
        differing = {
            name for name in {key for one in labels for key in one} if len({one.get(name) for one in labels}) > 1
        }
        if len(labels) == 1:
            return [labels[0].get("__name__") or _spelled(labels[0]) or target.expr]
        return [_auto(one, differing) for one in labels]
    if target.legend:
        return [_LEGEND.sub(lambda found, one=one: one.get(found[1], ""), target.legend) for one in labels]  # type: ignore[misc]
    return [_spelled(one) or target.expr for one in labels]


def _auto(labels: Mapping[str, str], differing: set[str]) -> str:
    kept = {name: value for name, value in labels.items() if name in differing}
    return next(iter(kept.values())) if len(kept) == 1 else _spelled(kept)


def _spelled(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{inner}}}" if inner else name
