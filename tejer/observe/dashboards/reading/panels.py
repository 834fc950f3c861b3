"""One panel's JSON → Panel. Pure; what isn't drawn goes to `omissions` under the panel's title."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from tejer.observe.dashboards.model import Grid, Panel, PanelKind, Target, Transformation
from tejer.observe.dashboards.reading.document import Json
from tejer.observe.dashboards.reading.fields import read_links, read_overrides, read_style
from tejer.observe.dashboards.reading.take import Omissions, child, children, flag, integer, text, texts
from tejer.observe.dashboards.reading.upgrade import panel as upgraded
from tejer.observe.dashboards.reduce import REDUCERS

MAX_TARGETS = 60
TRANSFORMATIONS = (
    "merge", "organize", "sortBy", "joinByField", "seriesToColumns", "filterFieldsByName", "labelsToFields", "limit",
)  # fmt: skip
_KEYS = {
    "id", "type", "title", "description", "gridPos", "targets", "fieldConfig", "options", "links", "interval",
    "maxDataPoints", "datasource", "transformations", "timeFrom", "transparent", "repeat", "repeatDirection",
    "maxPerRow", "pluginVersion", "cacheTimeout", "hideTimeOverride", "key", "scopedVars", "repeatPanelId",
    "repeatIteration", "panels", "collapsed", "upgradedFrom", "tooltip", "legend", "editable", "error", "isNew",
    "renderer", "height",
}  # fmt: skip
_OLD_KEYS = {
    "aliasColors", "bars", "dashLength", "dashes", "fill", "fillGradient", "grid", "hiddenSeries", "lines",
    "linewidth", "nullPointMode", "paceLength", "percentage", "pointradius", "points", "seriesOverrides",
    "spaceLength", "span", "stack", "steppedLine", "xaxis", "yaxes", "yaxis", "decimals", "colorBackground",
    "colorValue", "colors", "format", "gauge", "mappingType", "mappingTypes", "maxDataPoints", "nullText",
    "postfix", "postfixFontSize", "prefix", "prefixFontSize", "rangeMaps", "sparkline", "tableColumn",
    "thresholds", "valueFontSize", "valueMaps", "valueName", "columns", "fontSize", "pageSize", "scroll",
    "showHeader", "sort", "styles", "transform", "leftYAxisLabel", "pieType", "strokeWidth", "combine",
}  # fmt: skip
_TARGET_KEYS = {
    "refId", "expr", "legendFormat", "instant", "range", "format", "interval", "intervalFactor", "hide", "datasource",
    "editorMode", "metric", "step", "exemplar", "queryType", "useBackend", "disableTextWrap", "fullMetaSearch",
    "includeNullMetadata", "key", "target", "textEditor", "rawQuery", "qryType", "hideNameInLegend",
}  # fmt: skip
KINDS: tuple[PanelKind, ...] = get_args(PanelKind)


def read_panel(body: Json, number: int, grid: Grid, omissions: Omissions) -> Panel:
    """`number` is its id where the JSON gives none; `grid` its place."""
    now = upgraded(body)
    asked = text(body, "type", "?")
    kind = text(now, "type")
    title = text(body, "title")
    omissions.where = title or f"panel {integer(now, 'id', number)}"
    drawn: PanelKind = kind if kind in KINDS and kind != "unsupported" else "unsupported"
    if drawn == "unsupported":
        omissions.add("panelType", asked)
        return Panel(
            id=integer(now, "id", number), kind=drawn, asked=asked, title=title, grid=grid,
            description=text(now, "description"),
        )  # fmt: skip
    omissions.unknown("panelOption", now, _KEYS | _OLD_KEYS if "upgradedFrom" in now else _KEYS)
    if text(now, "repeat"):
        omissions.add("repeat", text(now, "repeat"))
    config = child(now, "fieldConfig")
    return Panel(
        id=integer(now, "id", number),
        kind=drawn,
        asked=asked,
        title=title,
        description=text(now, "description"),
        grid=grid,
        targets=_targets(now, omissions) if drawn != "text" else (),
        style=read_style(child(config, "defaults"), omissions),
        overrides=read_overrides(config, omissions),
        transformations=_transformations(now, drawn, omissions),
        options=_OPTIONS[drawn](now, omissions),
        links=read_links(now, "links", omissions),
        interval=text(now, "interval"),
        max_points=integer(now, "maxDataPoints", 0, 0, 10_000),
        time_from=text(now, "timeFrom"),
        transparent=flag(now, "transparent"),
    )


def _targets(body: Json, omissions: Omissions) -> tuple[Target, ...]:
    found = []
    for place, one in enumerate(children(body, "targets", MAX_TARGETS)):
        source = datasource(one.get("datasource")) or datasource(body.get("datasource"))
        ref = text(one, "refId") or chr(65 + place % 26)
        if flag(one, "hide"):
            continue
        if not text(one, "expr").strip():
            omissions.add("query", f"{ref}: {_other_language(one)}")
            continue
        omissions.unknown("queryOption", one, _TARGET_KEYS)
        instant = flag(one, "instant")
        found.append(
            Target(
                ref_id=ref, expr=text(one, "expr"), legend=text(one, "legendFormat"), instant=instant,
                range=flag(one, "range", not instant), format=text(one, "format", "time_series"),
                interval=text(one, "interval"), interval_factor=integer(one, "intervalFactor", 1, 1, 100),
                datasource=source,
            )
        )  # fmt: skip
    return tuple(found)


def _other_language(target: Json) -> str:
    """What a query without PromQL is, for the report."""
    source = target.get("datasource")
    kind = source.get("type") if isinstance(source, dict) else None
    if isinstance(kind, str) and kind != "prometheus":
        return f"data source {kind}"
    if isinstance(target.get("expression"), str):
        return "server-side expression"
    return "no expression"


def datasource(value: object) -> str:
    """Uid or name of a data source, `$variable` included; "" for the default one."""
    if isinstance(value, dict):
        uid = value.get("uid")
        return uid if isinstance(uid, str) else ""
    return value if isinstance(value, str) else ""


def _transformations(body: Json, kind: PanelKind, omissions: Omissions) -> tuple[Transformation, ...]:
    """Only tables are transformed: lines and single values show the series as they come."""
    found = []
    for one in children(body, "transformations", 50):
        name = text(one, "id")
        if one.get("disabled") is True:
            continue
        if name in TRANSFORMATIONS and kind == "table":
            found.append(Transformation(id=name, options=child(one, "options")))
        else:
            omissions.add("transformation", name)
    return tuple(found)


_Options = Callable[[Json, Omissions], dict[str, object]]


def _calcs(options: Json, omissions: Omissions) -> list[str]:
    """Calculations by name; those we don't know are kept, to be shown without a value."""
    calcs = list(texts(options.get("calcs"))[:10])
    for how in calcs:
        if how not in REDUCERS:
            omissions.add("calculation", how)
    return calcs


def _reduce(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options", "reduceOptions")
    if text(options, "fields") == "/.*/":
        omissions.add("panelOption", "options.reduceOptions.fields: texts as values")
    return {
        "calcs": _calcs(options, omissions) or ["lastNotNull"],
        "values": flag(options, "values"),
        "fields": text(options, "fields"),
        "limit": integer(options, "limit", 25, 1, 1000),
    }


def _series_options(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options")
    legend = child(options, "legend")
    omissions.unknown("panelOption", options, {"legend", "tooltip", "timezone", "orientation"}, "options.")
    return {
        "legend": flag(legend, "showLegend", True) and text(legend, "displayMode") != "hidden",
        "legendMode": text(legend, "displayMode", "list"),
        "legendPlacement": text(legend, "placement", "bottom"),
        "calcs": _calcs(legend, omissions),
        "tooltip": text(child(options, "tooltip"), "mode", "single"),
    }


def _stat_options(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options")
    known = {
        "reduceOptions", "orientation", "textMode", "colorMode", "graphMode", "justifyMode", "wideLayout", "text",
        "showPercentChange", "percentChangeColorMode", "showThresholdLabels", "showThresholdMarkers", "displayMode",
        "valueMode", "namePlacement", "showUnfilled", "minVizWidth", "minVizHeight", "maxVizHeight", "sizing", "legend",
    }  # fmt: skip
    omissions.unknown("panelOption", options, known, "options.")
    return {
        **_reduce(body, omissions),
        "textMode": text(options, "textMode", "auto"),
        "colorMode": text(options, "colorMode", "value"),
        "graphMode": text(options, "graphMode", "area"),
        "orientation": text(options, "orientation", "auto"),
        "displayMode": text(options, "displayMode", "gradient"),
    }


def _pie_options(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options")
    known = {"reduceOptions", "pieType", "legend", "tooltip", "displayLabels", "sort"}
    omissions.unknown("panelOption", options, known, "options.")
    legend = child(options, "legend")
    return {
        **_reduce(body, omissions),
        "pieType": text(options, "pieType", "pie"),
        "legend": flag(legend, "showLegend", True) and text(legend, "displayMode") != "hidden",
        "labels": list(texts(options.get("displayLabels"))),
    }


def _table_options(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options")
    footer = child(options, "footer")
    if flag(footer, "show"):
        omissions.add("panelOption", "options.footer")
    known = {"showHeader", "cellHeight", "footer", "sortBy", "frameIndex", "enablePagination"}
    omissions.unknown("panelOption", options, known, "options.")
    order = children(options, "sortBy", 5)
    return {
        "showHeader": flag(options, "showHeader", True),
        "sortBy": text(order[0], "displayName") if order else "",
        "sortDesc": flag(order[0], "desc") if order else False,
    }


def _text_options(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options") or body  # before Grafana 7.2 mode and content stood in the panel itself
    mode = text(options, "mode", "markdown")
    return {"mode": mode if mode in ("markdown", "html", "code") else "code", "content": text(options, "content")}


def _heatmap_options(body: Json, omissions: Omissions) -> dict[str, object]:
    options = child(body, "options")
    if flag(options, "calculate") or text(body, "dataFormat", "tsbuckets") == "timeseries":
        omissions.add("panelOption", "options.calculate")
    scheme = text(child(options, "color"), "scheme", "Oranges")
    unit = text(child(options, "yAxis"), "unit") or text(child(body, "yAxis"), "format")
    return {"scheme": scheme, "unit": unit, "reverse": flag(child(options, "yAxis"), "reverse")}


_OPTIONS: dict[str, _Options] = {
    "timeseries": _series_options,
    "stat": _stat_options,
    "gauge": _stat_options,
    "bargauge": _stat_options,
    "table": _table_options,
    "text": _text_options,
    "heatmap": _heatmap_options,
    "piechart": _pie_options,
}
