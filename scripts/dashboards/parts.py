"""What dashboards are written with: panels, queries, variables as Grafana 11 and 12 read them (schema version 39)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24


@dataclass(frozen=True)
class Query:
    """`table` asks for the last values as rows, `heat` for buckets; otherwise lines over time."""

    expr: str
    legend: str = "__auto"
    table: bool = False
    heat: bool = False

    def json(self, place: int) -> Json:
        body: Json = {
            "refId": chr(ord("A") + place), "datasource": SOURCE, "expr": self.expr, "legendFormat": self.legend,
            "editorMode": "code",
        }  # fmt: skip
        if self.table:
            return {**body, "format": "table", "instant": True, "range": False}
        return {**body, "format": "heatmap", "range": True} if self.heat else {**body, "range": True}


@dataclass(frozen=True)
class Panel:
    """A panel without its place; `width` of the grid's 24 columns, `height` of its rows of 36 pixels."""

    body: Json
    width: int
    height: int


def _panel(kind: str, title: str, queries: Sequence[Query], defaults: Json, options: Json, **more: Any) -> Json:
    return {
        "type": kind, "title": title, "datasource": SOURCE,
        "targets": [query.json(place) for place, query in enumerate(queries)],
        "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])}, "options": options, **more,
    }  # fmt: skip


def stat(
    title: str, expr: str, unit: str, *, description: str = "", width: int = 4, steps: Sequence[tuple[float, str]] = (),
    base: str = "text", decimals: int | None = None, graph: bool = True,
) -> Panel:  # fmt: skip
    """The last value over its line. `steps`: from this value on, this colour; below the first it is `base`."""
    thresholds = [{"value": None, "color": base}, *({"value": value, "color": color} for value, color in steps)]
    defaults: Json = {
        "unit": unit, "color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": thresholds},
    }  # fmt: skip
    if decimals is not None:
        defaults["decimals"] = decimals
    if unit == "percentunit":
        defaults |= {"min": 0, "max": 1}
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value",
        "graphMode": "area" if graph else "none", "textMode": "auto", "orientation": "auto", "justifyMode": "auto",
    }  # fmt: skip
    return Panel(_panel("stat", title, [Query(expr)], defaults, options, description=description), width, 4)


def lines(
    title: str, unit: str, queries: Sequence[Query], *, description: str = "", width: int = 8, height: int = 7,
    stacked: bool = False, legend: str = "list", calcs: Sequence[str] = (), most: float | None = None,
    overrides: Sequence[Json] = (),
) -> Panel:  # fmt: skip
    """Lines over time from zero up; `stacked` as areas on each other."""
    custom = {
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1,
        "fillOpacity": _opacity(stacked, queries),
        "showPoints": "never", "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }  # fmt: skip
    defaults: Json = {"unit": unit, "min": 0, "color": {"mode": "palette-classic"}, "custom": custom}
    if most is not None:
        defaults["max"] = most
    options = {
        "legend": {"showLegend": True, "displayMode": legend, "placement": "bottom", "calcs": list(calcs)},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    body = _panel("timeseries", title, queries, defaults, options, description=description, overrides=list(overrides))
    return Panel(body, width, height)


def _opacity(stacked: bool, queries: Sequence[Query]) -> int:
    """Areas that lie over each other mix their colours: only stacks and single lines are filled."""
    single = len(queries) == 1 and "{{" not in queries[0].legend
    return 30 if stacked else 8 if single else 0


def heatmap(title: str, unit: str, expr: str, *, description: str = "", width: int = 8, height: int = 7) -> Panel:
    """A histogram's buckets over time."""
    options = {
        "calculate": False, "yAxis": {"unit": unit}, "color": {"mode": "scheme", "scheme": "Oranges"},
        "cellGap": 1, "legend": {"show": True}, "tooltip": {"show": True, "yHistogram": False},
    }  # fmt: skip
    queries = [Query(expr, "{{le}}", heat=True)]
    return Panel(_panel("heatmap", title, queries, {}, options, description=description), width, height)


@dataclass(frozen=True)
class Column:
    """A column of a table: the field's name in the answer, the heading, the unit, and where its cells lead."""

    field: str
    heading: str
    unit: str = ""
    link: str = ""
    width: int = 0
    steps: Sequence[tuple[float | None, str]] = ()

    def override(self) -> Json:
        properties: list[Json] = [{"id": "displayName", "value": self.heading}]
        if self.unit:
            properties += [{"id": "unit", "value": self.unit}, {"id": "decimals", "value": 2}]
        if self.width:
            properties.append({"id": "custom.width", "value": self.width})
        if self.link:
            properties.append(
                {"id": "links", "value": [{"title": f"Open this {self.heading.lower()}", "url": self.link}]}
            )
        if self.steps:
            steps = [{"value": value, "color": color} for value, color in self.steps]
            properties += [
                {"id": "thresholds", "value": {"mode": "absolute", "steps": steps}},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ]
        return {"matcher": {"id": "byName", "options": self.field}, "properties": properties}


def table(
    title: str, exprs: Sequence[str], columns: Sequence[Column], sort: str, *, description: str = "", height: int = 8
) -> Panel:
    """Rows that the queries' answers share; fields that no column names are hidden."""
    shown = {column.field: place for place, column in enumerate(columns)}
    organize = {"excludeByName": {"Time": True}, "indexByName": shown, "renameByName": {}}
    body = _panel(
        "table", title, [Query(expr, "", table=True) for expr in exprs], {"custom": {"align": "auto"}},
        {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": sort, "desc": True}]},
        description=description, overrides=[column.override() for column in columns],
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
    )  # fmt: skip
    return Panel(body, COLUMNS, height)


def text(content: str, *, height: int = 3) -> Panel:
    body = {"type": "text", "title": "", "options": {"mode": "markdown", "content": content}, "transparent": True}
    return Panel(body, COLUMNS, height)


def choice(name: str, label: str, query: str, *, many: bool = False) -> Json:
    """A variable filled by Prometheus; `many` allows several values and All, and begins with All."""
    body: Json = {
        "type": "query", "name": name, "label": label, "datasource": SOURCE, "query": {"query": query, "refId": name},
        "definition": query, "refresh": 2, "sort": 1, "multi": many, "includeAll": many, "hide": 0, "regex": "",
    }  # fmt: skip
    if many:
        body |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
    return body


def reporter() -> Json:
    """Which side's numbers are shown: the client's proxy knows what never arrived, the server's what others sent."""
    options = [
        {"text": text, "value": text, "selected": text != "waypoint"} for text in ("source", "waypoint", "destination")
    ]
    return {
        "type": "custom", "name": "qrep", "label": "Reporter", "query": "source, waypoint, destination", "multi": True,
        "includeAll": False, "hide": 0, "options": options,
        "current": {"text": ["source", "waypoint"], "value": ["source", "waypoint"]},
    }  # fmt: skip


def data_source() -> Json:
    return {
        "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "hide": 0,
        "regex": "", "refresh": 1, "multi": False, "includeAll": False, "current": {},
    }  # fmt: skip


@dataclass(frozen=True)
class Section:
    """Panels under a heading; they flow from left to right, a new line where one doesn't fit."""

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


def dashboard(
    uid: str, title: str, description: str, sections: Sequence[Section], variables: Sequence[Json] = (),
) -> Json:  # fmt: skip
    return {
        "uid": uid, "title": title, "description": description, "tags": ["istio", "tejer"], "schemaVersion": 39,
        "version": 1, "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "30s",
        "time": {"from": "now-30m", "to": "now"}, "timepicker": {}, "annotations": {"list": []}, "links": [],
        "templating": {"list": [data_source(), *variables]}, "panels": _placed(sections),
    }  # fmt: skip


def _placed(sections: Sequence[Section]) -> list[Json]:
    panels: list[Json] = []
    y = number = 0
    for section in sections:
        row: Json | None = None
        if section.title:
            number += 1
            row = {
                "id": number, "type": "row", "title": section.title, "collapsed": section.collapsed, "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            }  # fmt: skip
            panels.append(row)
            y += 1
        inside = row["panels"] if row and section.collapsed else panels
        x = line = 0
        for panel in section.panels:
            if x + panel.width > COLUMNS:
                x, y, line = 0, y + line, 0
            number += 1
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            inside.append({"id": number, **panel.body, "gridPos": place})
            x, line = x + panel.width, max(line, panel.height)
        y += line
    return panels
