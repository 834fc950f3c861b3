"""A panel and the frames of its queries → what the page draws. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from tejer.observe.dashboards.frames import Cell, Field, Frame
from tejer.observe.dashboards.model import Panel, Part, Style
from tejer.observe.dashboards.patterns import Pattern
from tejer.observe.dashboards.reduce import REDUCERS, reduce
from tejer.observe.dashboards.styling import Subject, style_of
from tejer.observe.dashboards.transform import sorted_frame, transformed

MAX_ROWS = 5000
_DATA_FIELD = re.compile(r"\$\{__data\.fields(?:\.([\w ]+)|\[(?:\"|')?([^\]\"']+)(?:\"|')?\])(?:\.(?:text|numeric))?\}")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?|\.\d+|\+?Inf)$", re.IGNORECASE)


class Series(Part, frozen=True):
    """A line: its values beside the chart's times, and the legend's calculations."""

    name: str
    ref_id: str
    style: Style
    values: list[float | None]
    calcs: dict[str, float | None] = msgspec.field(default_factory=dict)


class Chart(Part, frozen=True):
    """`times` in milliseconds since 1970, ascending; every series has as many values."""

    times: list[int]
    series: list[Series]


class Stat(Part, frozen=True):
    """One value with its name; `spark` is the line behind it."""

    name: str
    value: float | str | None
    style: Style
    spark: list[float | None] = msgspec.field(default_factory=list)


class Stats(Part, frozen=True):
    stats: list[Stat]
    times: list[int] = msgspec.field(default_factory=list)


class Column(Part, frozen=True):
    """`links` gives for each row where a click on its cell leads, "" for nowhere."""

    name: str
    kind: str
    style: Style
    values: list[Any]
    links: list[str] = msgspec.field(default_factory=list)


class Table(Part, frozen=True):
    columns: list[Column]


class Tables(Part, frozen=True):
    tables: list[Table]


class Heat(Part, frozen=True):
    """Counts by bucket and time, `counts[row][place]`; rows from the lowest bucket up, `labels[row]` its upper end."""

    times: list[int]
    labels: list[str]
    counts: list[list[float | None]]
    style: Style


class Text(Part, frozen=True):
    """Sanitised HTML."""

    html: str


View = Chart | Stats | Tables | Heat | Text


def view(panel: Panel, frames: Sequence[Frame]) -> View:
    """What this kind of panel shows. Raises PatternError for a pattern of the panel's that can't be used."""
    if panel.kind == "table":
        return _tables(panel, frames)
    if panel.kind == "heatmap":
        return _heat(panel, frames)
    if panel.kind in ("stat", "gauge", "bargauge", "piechart"):
        return _stats(panel, frames)
    return _chart(panel, frames)


def _numbers(panel: Panel, frames: Sequence[Frame]) -> list[tuple[Frame, Field, str, Style]]:
    """Every number column that isn't hidden, with its name and style."""
    found = []
    for frame in frames:
        for field in frame.fields:
            if field.kind == "number":
                subject = Subject(field, frame.ref_id, field.display or field.name)
                name, style = style_of(subject, panel.style, panel.overrides)
                found.append((frame, field, name, style))
    return found


def _chart(panel: Panel, frames: Sequence[Frame]) -> Chart:
    times, columns = _on_one_clock([frame for frame in frames if frame.length])
    finest = min((frame.step for frame in frames if frame.step), default=0)
    wanted = [how for how in _texts(panel.options.get("calcs")) if how in REDUCERS]
    series = []
    for frame, field, name, style in _numbers(panel, [frame for frame in frames if frame.length]):
        if style.hidden:
            continue
        if frame.step > finest:  # its own points lie further apart than the chart's: no gaps in between
            style = msgspec.structs.replace(style, span_nulls=True)
        values = columns[id(field)]
        calcs = {how: finite(reduce(how, field.values)) for how in wanted}
        series.append(Series(name=name, ref_id=frame.ref_id, style=style, values=values, calcs=calcs))
    return Chart(times=times, series=series)


def _on_one_clock(frames: Sequence[Frame]) -> tuple[list[int], dict[int, list[float | None]]]:
    """All times of all frames, and by id(field) its values at each of them."""
    times = sorted({time for frame in frames for time in frame.fields[0].values})
    place = {time: index for index, time in enumerate(times)}
    columns: dict[int, list[float | None]] = {}
    for frame in frames:
        for field in frame.fields[1:]:
            if field.kind == "number":
                values: list[float | None] = [None] * len(times)
                for time, value in zip(frame.fields[0].values, field.values, strict=True):
                    values[place[time]] = finite(value)
                columns[id(field)] = values
    return times, columns


def finite(value: Any) -> Any:
    """JSON has no infinity: such a value is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _stats(panel: Panel, frames: Sequence[Frame]) -> Stats:
    kept = [frame for frame in frames if frame.length]
    times, columns = _on_one_clock(kept)
    how = next(iter(_texts(panel.options.get("calcs"))), "lastNotNull")
    wanted = _chosen_fields(panel)
    every = panel.options.get("values") is True
    most = panel.options.get("limit")
    stats: list[Stat] = []
    for frame, field, name, style in _numbers(panel, kept):
        if style.hidden or not wanted(name):
            continue
        if every:
            found = [
                Stat(name=_row_name(frame, row, name), value=finite(v), style=style)
                for row, v in enumerate(field.values)
            ]
            stats += found[: most if isinstance(most, int) else 25]
        else:
            spark = columns[id(field)] if frame.length > 1 else []
            value = finite(reduce(how, field.values)) if how in REDUCERS else None
            stats.append(Stat(name=name, value=value, style=style, spark=spark))
    return Stats(stats=stats, times=times if any(stat.spark for stat in stats) else [])


def _chosen_fields(panel: Panel) -> Callable[[str], bool]:
    """`reduceOptions.fields`: nothing for every number, a name, or a pattern between slashes."""
    wanted = panel.options.get("fields")
    if not isinstance(wanted, str) or not wanted:
        return lambda name: True
    return Pattern(wanted).matches if wanted.startswith("/") else lambda name: name == wanted


def _row_name(frame: Frame, row: int, default: str) -> str:
    texts = [str(field.values[row]) for field in frame.fields if field.kind == "string" and field.values[row]]
    return " ".join(texts) or default


def _tables(panel: Panel, frames: Sequence[Frame]) -> Tables:
    shaped = transformed([frame for frame in frames if frame.fields], panel.transformations)
    order = str(panel.options.get("sortBy") or "")
    tables = []
    for frame in shaped[:50]:
        named = _named(panel, _first_rows(frame))
        if order:
            named = named._replace(frame=_sorted_by_shown_name(named, order, panel.options.get("sortDesc") is True))
        tables.append(_table(named))
    return Tables(tables=tables)


class _Named(NamedTuple):
    frame: Frame
    names: list[str]
    styles: list[Style]


def _named(panel: Panel, frame: Frame) -> _Named:
    found = [
        style_of(Subject(field, frame.ref_id, field.display or field.name), panel.style, panel.overrides)
        for field in frame.fields
    ]
    return _Named(frame, [name for name, _ in found], [style for _, style in found])


def _sorted_by_shown_name(named: _Named, order: str, descending: bool) -> Frame:
    for field, name in zip(named.frame.fields, named.names, strict=True):
        if order in (name, field.name):
            return sorted_frame(named.frame, field.name, descending)
    return named.frame


def _first_rows(frame: Frame) -> Frame:
    if frame.length <= MAX_ROWS:
        return frame
    return replace(frame, fields=tuple(replace(field, values=field.values[:MAX_ROWS]) for field in frame.fields))


def _table(named: _Named) -> Table:
    fields = named.frame.fields
    by_name = {field.name: field.values for field in fields}
    by_name |= {name: field.values for name, field in zip(named.names, fields, strict=True)}
    columns = []
    for field, name, style in zip(fields, named.names, named.styles, strict=True):
        if not style.hidden:
            links = (
                [_cell_link(style, by_name, field.values, row) for row in range(len(field.values))]
                if style.links
                else []
            )
            values = [finite(value) for value in field.values]
            columns.append(Column(name=name, kind=field.kind, style=style, values=values, links=links))
    return Table(columns=columns)


def _cell_link(style: Style, fields: Mapping[str, Sequence[Cell]], values: Sequence[Cell], row: int) -> str:
    """The first data link, with this row's values in it."""

    def filled(found: re.Match[str]) -> str:
        column = fields.get(found[1] or found[2])
        return quote(str(column[row]), safe="") if column is not None and column[row] is not None else ""

    if values[row] is None:
        return ""
    url = _DATA_FIELD.sub(filled, style.links[0].url)
    own = quote(str(values[row]), safe="")
    for reference in ("${__value.raw}", "${__value.text}", "${__value}", "${__cell}"):
        url = url.replace(reference, own)
    return url


def _heat(panel: Panel, frames: Sequence[Frame]) -> Heat:
    """Cumulative `le` buckets → the counts between one and the next; other series are rows as they are, by name."""
    kept = [frame for frame in frames if frame.length]
    times, columns = _on_one_clock(kept)
    rows = [(_top(field, name), name, field) for _, field, name, _ in _numbers(panel, kept)]
    rows.sort(key=lambda row: row[0])
    counts = [columns[id(field)] for _, _, field in rows]
    if all("le" in field.labels for _, _, field in rows):
        counts = [
            counts[place] if place == 0 else _above(counts[place - 1], counts[place]) for place in range(len(counts))
        ]
    labels = [field.labels.get("le") or name for _, name, field in rows]
    return Heat(times=times, labels=labels, counts=counts, style=panel.style)


def _top(field: Field, name: str) -> float:
    found = _NUMBER.search(field.labels.get("le") or name)
    return float(found[1].lower().replace("+", "")) if found else math.inf


def _above(lower: Sequence[float | None], upper: Sequence[float | None]) -> list[float | None]:
    return [None if high is None else max(0.0, high - (low or 0.0)) for low, high in zip(lower, upper, strict=True)]


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
