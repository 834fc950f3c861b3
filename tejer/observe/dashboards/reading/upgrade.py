"""Old dashboards rewritten in today's JSON, so that one reader is enough. Pure: JSON in, JSON out, input untouched.

Covers what Grafana itself migrates when it loads them: rows of 12 columns (schema 15 and before), and the panels of
Angular's time `graph`, `singlestat`, `table-old` and `grafana-piechart-panel` (removed in Grafana 12).
"""

from __future__ import annotations

from typing import Any

from tejer.observe.dashboards.reading.document import Json
from tejer.observe.dashboards.reading.take import child, children, flag, integer, number, text, texts

_UNIT_HEIGHT = 36
"""Pixels of a unit of the grid's height; rows had heights in pixels."""
_REDUCERS = {"current": "lastNotNull", "avg": "mean", "total": "sum", "name": "lastNotNull", "last_time": "lastNotNull"}
_LEGEND_VALUES = ("min", "max", "avg", "current", "total")


def with_grid(body: Json) -> list[Json]:
    """The panels, each with gridPos; old rows become row panels."""
    if "rows" not in body or body.get("panels"):
        return children(body, "panels")
    panels: list[Json] = []
    number_of_panel, y = 1, 0
    for row in children(body, "rows"):
        inner = children(row, "panels")
        if (text(row, "title") and (flag(row, "showTitle") or flag(row, "collapse"))) or row.get("repeat"):
            heading: Json = {
                "type": "row", "title": text(row, "title"), "collapsed": flag(row, "collapse"),
                "repeat": row.get("repeat"), "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}, "panels": [],
            }  # fmt: skip
            panels.append(heading)
            y += 1
        height = max(3, round(_pixels(row.get("height")) / _UNIT_HEIGHT))
        x = 0
        for panel in inner:
            width = min(24, max(1, integer(panel, "span", 4)) * 2)
            if x + width > 24:
                x, y = 0, y + height
            panels.append({"id": number_of_panel, **panel, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
            number_of_panel += 1
        y += height
    return panels


def _pixels(height: object) -> float:
    found = texts(height)
    digits = found[0].removesuffix("px") if found else ""
    return min(float(digits), 2000) if digits.replace(".", "", 1).isdigit() else 250


def panel(body: Json) -> Json:
    """A panel of today's types. Types that have no successor here come back as they are."""
    upgrade = {
        "graph": _graph, "singlestat": _singlestat, "grafana-singlestat-panel": _singlestat,
        "table-old": _old_table, "grafana-piechart-panel": _old_pie,
    }.get(text(body, "type"))  # fmt: skip
    if text(body, "type") == "table" and "styles" in body and "fieldConfig" not in body:
        upgrade = _old_table
    return {**body, **upgrade(body), "upgradedFrom": text(body, "type")} if upgrade else body


def _graph(body: Json) -> Json:
    axes = [*children(body, "yaxes"), {}, {}]
    left = axes[0]
    lines = flag(body, "lines", True)
    custom: dict[str, Any] = {
        "drawStyle": "bars" if flag(body, "bars") and not lines else "line" if lines else "points",
        "fillOpacity": integer(body, "fill", 1, 0, 10) * 10,
        "lineWidth": integer(body, "linewidth", 1, 0, 10),
        "lineInterpolation": "stepAfter" if flag(body, "steppedLine") else "linear",
        "spanNulls": text(body, "nullPointMode") == "connected",
        "axisLabel": text(left, "label"),
        "stacking": {"mode": ("percent" if flag(body, "percentage") else "normal") if flag(body, "stack") else "none"},
        "scaleDistribution": {"type": "log", "log": integer(left, "logBase", 1)}
        if integer(left, "logBase", 1) > 1
        else {"type": "linear"},
    }
    overrides = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "color", "value": _fixed(color)}]}
        for name, color in child(body, "aliasColors").items()
        if isinstance(color, str)
    ] + [_series_override(one, axes[1]) for one in children(body, "seriesOverrides")]
    legend = child(body, "legend")
    return {
        "type": "timeseries",
        "fieldConfig": {
            "defaults": {
                "unit": text(left, "format"), "min": number(left, "min"), "max": number(left, "max"),
                "decimals": body.get("decimals"), "custom": custom,
            },
            "overrides": overrides,
        },
        "options": {
            "legend": {
                "showLegend": flag(legend, "show", True),
                "displayMode": "table" if flag(legend, "alignAsTable") else "list",
                "placement": "right" if flag(legend, "rightSide") else "bottom",
                "calcs": [_REDUCERS.get(key, key) for key in _LEGEND_VALUES if legend.get(key)],
            },
            "tooltip": {"mode": "multi" if flag(child(body, "tooltip"), "shared", True) else "single"},
        },
    }  # fmt: skip


def _series_override(old: Json, right: Json) -> Json:
    alias = text(old, "alias")
    properties: list[Json] = []
    if integer(old, "yaxis") == 2:
        properties += [
            {"id": "custom.axisPlacement", "value": "right"},
            {"id": "unit", "value": text(right, "format")},
        ]
    simple = {"fill": "custom.fillOpacity", "linewidth": "custom.lineWidth", "transform": "custom.transform"}
    for key, value in old.items():
        if key == "color":
            properties.append({"id": "color", "value": _fixed(str(value))})
        elif key in simple:
            properties.append({"id": simple[key], "value": value * 10 if key == "fill" and _is_int(value) else value})
        elif key not in ("alias", "yaxis", "$$hashKey"):
            properties.append({"id": f"seriesOverrides.{key}", "value": value})
    kind = "byRegexp" if alias.startswith("/") else "byName"
    return {"matcher": {"id": kind, "options": alias}, "properties": properties}


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fixed(color: str) -> Json:
    return {"mode": "fixed", "fixedColor": color}


def _singlestat(body: Json) -> Json:
    limits = [found for part in text(body, "thresholds").split(",") if (found := _float(part)) is not None]
    colors = list(texts(body.get("colors"))) or ["green", "orange", "red"]
    steps = [{"value": None, "color": colors[0]}] + [
        {"value": limit, "color": colors[min(place + 1, len(colors) - 1)]} for place, limit in enumerate(limits)
    ]
    gauge = child(body, "gauge")
    is_gauge = flag(gauge, "show")
    return {
        "type": "gauge" if is_gauge else "stat",
        "fieldConfig": {
            "defaults": {
                "unit": text(body, "format"), "decimals": body.get("decimals"),
                "min": number(gauge, "minValue") if is_gauge else None,
                "max": number(gauge, "maxValue") if is_gauge else None,
                "thresholds": {"mode": "absolute", "steps": steps},
                "mappings": [
                    {"type": "value", "options": {text(one, "value"): {"text": text(one, "text")}}}
                    for one in children(body, "valueMaps") if text(one, "value") != "null"
                ],
            },
            "overrides": [],
        },
        "options": {
            "reduceOptions": {"calcs": [_REDUCERS.get(text(body, "valueName", "avg"), text(body, "valueName", "avg"))]},
            "graphMode": "area" if flag(child(body, "sparkline"), "show") else "none",
            "colorMode": _colored(body),
        },
    }  # fmt: skip


def _colored(body: Json) -> str:
    if flag(body, "colorBackground"):
        return "background"
    return "value" if flag(body, "colorValue") else "none"


def _float(part: str) -> float | None:
    try:
        return float(part)
    except ValueError:
        return None


def _old_table(body: Json) -> Json:
    overrides: list[Json] = []
    for style in children(body, "styles"):
        pattern = text(style, "pattern")
        if text(style, "type") == "hidden":
            properties: list[Json] = [{"id": "custom.hidden", "value": True}]
        else:
            properties = [
                {"id": "unit", "value": text(style, "unit")} if text(style, "type") == "number" else {},
                {"id": "displayName", "value": text(style, "alias")},
                {"id": "decimals", "value": style.get("decimals")},
            ]
        kept = [one for one in properties if one.get("value") not in (None, "")]
        kind = "byRegexp" if pattern.startswith("/") else "byName"
        overrides.append({"matcher": {"id": kind, "options": pattern}, "properties": kept})
    targets = [{**target, "format": target.get("format") or "table"} for target in children(body, "targets")]
    merged = [{"id": "merge", "options": {}}] if text(body, "transform") in ("", "table") else []
    return {
        "type": "table",
        "targets": targets,
        "transformations": merged or [{"id": f"transform: {text(body, 'transform')}", "options": {}}],
        "fieldConfig": {"defaults": {}, "overrides": overrides},
        "options": {},
    }


def _old_pie(body: Json) -> Json:
    calc = text(body, "valueName", "current")
    return {
        "type": "piechart",
        "fieldConfig": {"defaults": {"unit": text(body, "format")}, "overrides": []},
        "options": {
            "pieType": text(body, "pieType", "pie"),
            "reduceOptions": {"calcs": [_REDUCERS.get(calc, calc)]},
        },
    }
