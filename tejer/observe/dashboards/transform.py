"""Grafana's transformations of tables, those of `reading.panels.TRANSFORMATIONS`. Pure: frames in, frames out.

Source: grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/transform-data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tejer.observe.dashboards.frames import Cell, Field, Frame
from tejer.observe.dashboards.model import Transformation
from tejer.observe.dashboards.patterns import Pattern

Options = Mapping[str, Any]
Row = dict[str, Cell]
_VALUE = "Value"


def transformed(frames: Sequence[Frame], steps: Sequence[Transformation]) -> list[Frame]:
    """Each transformation in turn. Raises PatternError for a pattern of theirs that can't be used."""
    result = list(frames)
    for step in steps:
        result = _STEPS[step.id](result, step.options)
    return result


def merge(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """One table: rows that agree in every column common to all frames are joined."""
    kept = [frame for frame in frames if frame.fields]
    if len(kept) < 2:
        return kept
    common = set.intersection(*({field.name for field in frame.fields} for frame in kept))
    key_names = [field.name for field in kept[0].fields if field.name in common and not field.name.startswith(_VALUE)]
    return [_joined(kept, key_names)]


def _joined(frames: Sequence[Frame], key_names: Sequence[str]) -> Frame:
    columns: dict[str, Field] = {}
    groups: dict[tuple[Cell, ...], list[Row]] = {}
    order: list[Row] = []
    for frame in frames:
        for field in frame.fields:
            columns.setdefault(field.name, field)
        for row in _rows(frame):
            group = groups.setdefault(tuple(row.get(name) for name in key_names), [])
            target = next((one for one in group if _fits(one, row)), None)
            if target is None:
                target = {}
                group.append(target)
                order.append(target)
            target.update(row)
    return Frame(
        frames[0].ref_id,
        tuple(replace(field, values=[row.get(name) for row in order]) for name, field in columns.items()),
    )


def _fits(existing: Row, row: Row) -> bool:
    return all(existing.get(name) in (None, value) for name, value in row.items())


def _rows(frame: Frame) -> list[Row]:
    names = [field.name for field in frame.fields]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*(f.values for f in frame.fields), strict=True)]


def join_by_field(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """One table with a row for each value of `byField` (Time by default), the frames' other columns side by side."""
    by = options.get("byField") or "Time"
    having = [frame for frame in frames if any(field.name == by for field in frame.fields)]
    if not having:
        return list(frames)
    renamed = [
        replace(
            frame,
            fields=tuple(
                field if field.name == by else replace(field, name=_column_name(field, frame, len(having)))
                for field in frame.fields
            ),
        )
        for frame in having
    ]
    joined = _joined(renamed, [by])
    if options.get("mode") == "inner":
        keep = [
            place for place in range(joined.length) if all(field.values[place] is not None for field in joined.fields)
        ]
        joined = _picked(joined, keep)
    return [joined]


def _column_name(field: Field, frame: Frame, frames: int) -> str:
    if frames < 2 or not field.name.startswith(_VALUE):
        return field.name
    return field.display or f"{field.name} {frame.ref_id}"


def organize(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """Columns excluded, renamed and ordered by name."""
    excluded = _mapping(options, "excludeByName")
    included = _mapping(options, "includeByName")
    renamed, order = _mapping(options, "renameByName"), _mapping(options, "indexByName")

    def place(field: Field) -> float:
        found = order.get(field.name)
        return found if isinstance(found, int | float) else 1_000_000

    result = []
    for frame in frames:
        kept = [field for field in frame.fields if excluded.get(field.name) is not True]
        if included:
            kept = [field for field in kept if included.get(field.name)]
        fields = [replace(field, name=str(renamed.get(field.name) or field.name)) for field in sorted(kept, key=place)]
        result.append(replace(frame, fields=tuple(fields)))
    return result


def filter_fields(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """Columns kept by name or pattern (`include`), or left out (`exclude`)."""
    include, exclude = _mapping(options, "include"), _mapping(options, "exclude")

    def listed(rule: Mapping[str, Any], name: str, pattern: Pattern | None) -> bool:
        return name in (rule.get("names") or ()) or (pattern is not None and pattern.matches(name))

    wanted, unwanted = (Pattern(str(rule["pattern"])) if rule.get("pattern") else None for rule in (include, exclude))
    return [
        replace(
            frame,
            fields=tuple(
                field
                for field in frame.fields
                if (not include or listed(include, field.name, wanted))
                and not (exclude and listed(exclude, field.name, unwanted))
            ),
        )
        for frame in frames
    ]


def sort_by(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """Rows by the first field named; rows without a value last."""
    wanted = options.get("sort")
    first = wanted[0] if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict) else {}
    return [sorted_frame(frame, str(first.get("field", "")), bool(first.get("desc"))) for frame in frames]


def sorted_frame(frame: Frame, name: str, descending: bool) -> Frame:
    """Also what a table panel's own `sortBy` does. A name that isn't there changes nothing."""
    column = next((field for field in frame.fields if name in (field.name, field.display)), None)
    if column is None:
        return frame
    present = [place for place, value in enumerate(column.values) if value is not None]
    ordered = sorted(present, key=lambda place: _sortable(column.values[place]), reverse=descending)
    return _picked(frame, ordered + [place for place, value in enumerate(column.values) if value is None])


def _sortable(value: Cell) -> tuple[int, float, str]:
    return (1, 0, value.lower()) if isinstance(value, str) else (0, value or 0, "")


def labels_to_fields(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """Each series' labels become columns of one table."""
    result = []
    for frame in frames:
        fields: list[Field] = []
        for field in frame.fields:
            fields.append(replace(field, labels={}))
            fields += [Field(name, "string", [value] * frame.length) for name, value in field.labels.items()]
        result.append(replace(frame, fields=tuple(fields)))
    return merge(result, {})


def limit(frames: Sequence[Frame], options: Options) -> list[Frame]:
    """The first rows."""
    wanted = options.get("limitField")
    most = wanted if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0 else 10
    return [_picked(frame, range(min(most, frame.length))) for frame in frames]


def _picked(frame: Frame, places: Sequence[int]) -> Frame:
    fields = tuple(replace(field, values=[field.values[place] for place in places]) for field in frame.fields)
    return replace(frame, fields=fields)


def _mapping(options: Options, key: str) -> Mapping[str, Any]:
    value = options.get(key)
    return value if isinstance(value, dict) else {}


_STEPS: dict[str, Callable[[Sequence[Frame], Options], list[Frame]]] = {
    "merge": merge,
    "organize": organize,
    "sortBy": sort_by,
    "joinByField": join_by_field,
    "seriesToColumns": join_by_field,
    "filterFieldsByName": filter_fields,
    "labelsToFields": labels_to_fields,
    "limit": limit,
}
