"""Grafana's JSON, new and old: what is drawn, and that the rest is named."""

from __future__ import annotations

from typing import Any

import pytest

from tejer.observe.dashboards.model import Omission
from tejer.observe.dashboards.reading.dashboard import MAX_PANELS, Reading, read_dashboard
from tejer.observe.dashboards.reading.document import DashboardError


def reading(*panels: dict[str, Any], **more: Any) -> Reading:
    return read_dashboard({"title": "T", "panels": list(panels), **more})


def names(found: Reading) -> set[tuple[str, str, str]]:
    return {(one.where, one.kind, one.name) for one in found.omissions}


def lines(**more: Any) -> dict[str, Any]:
    return {"type": "timeseries", "title": "P", "targets": [{"refId": "A", "expr": "up"}], **more}


def test_a_plain_panel_is_drawn_whole() -> None:
    found = reading(lines(id=4, gridPos={"x": 6, "y": 1, "w": 9, "h": 5}, fieldConfig={"defaults": {"unit": "ms"}}))
    panel = found.dashboard.panel(4)
    assert panel is not None
    assert (panel.grid.x, panel.grid.w, panel.style.unit, panel.targets[0].expr) == (6, 9, "ms", "up")
    assert found.omissions == ()


@pytest.mark.parametrize(
    ("panel", "kind", "name"),
    [
        ({"type": "geomap", "title": "P"}, "panelType", "geomap"),
        (lines(transformations=[{"id": "merge"}]), "transformation", "merge"),
        ({**lines(), "type": "table", "transformations": [{"id": "groupBy"}]}, "transformation", "groupBy"),
        (lines(repeat="pod"), "repeat", "pod"),
        (lines(timeShift="1h"), "panelOption", "timeShift"),
        (lines(targets=[{"refId": "B", "datasource": {"type": "loki"}}]), "query", "B: data source loki"),
        (lines(targets=[{"refId": "C", "expression": "$A*2", "datasource": {"type": "__expr__"}}]), "query",
         "C: data source __expr__"),
        (lines(fieldConfig={"defaults": {"custom": {"thresholdsStyle": {"mode": "line"}}}}), "fieldOption",
         "custom.thresholdsStyle"),
        (lines(fieldConfig={"defaults": {"color": {"mode": "continuous-GrYlRd"}}}), "fieldOption",
         "color.mode=continuous-GrYlRd"),
        (lines(fieldConfig={"overrides": [{"matcher": {"id": "byFrameName", "options": "x"}, "properties": []}]}),
         "overrideMatcher", "byFrameName"),
        (lines(links=[{"title": "x", "url": "javascript:alert(1)"}]), "link", "javascript:alert(1)"),
        ({**lines(), "type": "stat", "options": {"reduceOptions": {"calcs": ["p95"]}}}, "calculation", "p95"),
        ({"type": "heatmap", "title": "P", "options": {"calculate": True}}, "panelOption", "options.calculate"),
    ],
)  # fmt: skip
def test_what_is_not_drawn_is_named(panel: dict[str, Any], kind: str, name: str) -> None:
    assert ("P", kind, name) in names(reading(panel))


def test_dashboards_own_parts_that_are_not_drawn_are_named() -> None:
    found = reading(
        templating={"list": [{"type": "adhoc", "name": "Filters"}, {"type": "query", "name": "bad name"}]},
        annotations={"list": [{"name": "Deploys", "datasource": "Loki", "enable": True}, {"builtIn": 1, "name": "x"}]},
        links=[{"type": "dashboards", "title": "More", "tags": ["istio"]}],
    )
    assert names(found) == {
        ("templating", "variable", "Filters (adhoc)"),
        ("templating", "variable", "bad name (query)"),
        ("annotations", "annotation", "Deploys"),
        ("links", "link", "More (by tag: istio)"),
    }


def test_rows_hold_the_panels_below_them_collapsed_ones_those_inside() -> None:
    found = reading(
        lines(id=1, gridPos={"y": 0}),
        {"type": "row", "title": "Open", "gridPos": {"y": 8}, "panels": []},
        lines(id=2, gridPos={"y": 9}),
        {"type": "row", "title": "Shut", "collapsed": True, "gridPos": {"y": 17}, "panels": [lines(id=3)]},
    )
    rows = [(row.title, row.collapsed, [panel.id for panel in row.panels]) for row in found.dashboard.rows]
    assert rows == [("", False, [1]), ("Open", False, [2]), ("Shut", True, [3])]


def test_panels_that_share_an_id_can_both_be_asked_for() -> None:
    panels = reading(lines(id=7), lines(id=7), lines(id=7)).dashboard.rows[0].panels
    assert len({panel.id for panel in panels}) == 3


def test_rows_of_twelve_columns_become_the_grid() -> None:
    old = {
        "title": "Old",
        "rows": [
            {"title": "Load", "showTitle": True, "height": "360px", "panels": [
                {"id": 1, "type": "graph", "span": 8, "targets": [{"expr": "a"}]},
                {"id": 2, "type": "graph", "span": 8, "targets": [{"expr": "b"}]},
            ]},
        ],
    }  # fmt: skip
    (row,) = read_dashboard(old).dashboard.rows
    assert row.title == "Load"
    assert [(p.grid.x, p.grid.y, p.grid.w, p.grid.h) for p in row.panels] == [(0, 1, 16, 10), (0, 11, 16, 10)]


def test_an_old_graph_is_drawn_as_lines() -> None:
    graph = {
        "type": "graph", "title": "G", "id": 1, "targets": [{"expr": "up"}], "stack": True, "fill": 3, "linewidth": 2,
        "nullPointMode": "connected", "yaxes": [{"format": "Bps", "min": "0", "label": "in"}, {"format": "ms"}],
        "aliasColors": {"a": "#ff0000"}, "seriesOverrides": [{"alias": "/late/", "yaxis": 2, "dashes": True}],
        "legend": {"show": True, "alignAsTable": True, "avg": True},
    }  # fmt: skip
    found = reading(graph)
    panel = found.dashboard.panel(1)
    assert panel is not None
    assert panel.kind == "timeseries"
    assert (panel.style.unit, panel.style.min, panel.style.stacking, panel.style.fill_opacity) == (
        "Bps",
        0,
        "normal",
        30,
    )
    assert panel.style.span_nulls
    assert panel.options["calcs"] == ["mean"]
    assert [(one.matcher.kind, one.changes) for one in panel.overrides] == [
        ("byName", {"color_mode": "fixed", "color": "#ff0000"}),
        ("byRegexp", {"axis": "right", "unit": "ms"}),
    ]
    assert Omission(where="G", kind="fieldOption", name="seriesOverrides.dashes") in found.omissions


def test_an_old_singlestat_is_a_stat_or_a_gauge() -> None:
    old = {"type": "singlestat", "id": 1, "format": "percent", "thresholds": "50,80", "valueName": "avg",
           "colors": ["green", "orange", "red"], "targets": [{"expr": "up"}]}  # fmt: skip
    stat = reading(old).dashboard.panel(1)
    gauge = reading({**old, "gauge": {"show": True, "minValue": 0, "maxValue": 100}}).dashboard.panel(1)
    assert stat is not None
    assert gauge is not None
    assert (stat.kind, gauge.kind, gauge.style.max) == ("stat", "gauge", 100)
    assert stat.options["calcs"] == ["mean"]
    assert [(step.value, step.color) for step in stat.style.thresholds] == [
        (None, "green"),
        (50, "orange"),
        (80, "red"),
    ]


def test_colours_can_say_nothing_but_a_colour() -> None:
    style = {"color": {"mode": "fixed", "fixedColor": "red;background:url(http://x)"},
             "thresholds": {"steps": [{"color": "url(x)"}, {"color": "#abc", "value": 1}]}}  # fmt: skip
    panel = reading(lines(id=1, fieldConfig={"defaults": style})).dashboard.panel(1)
    assert panel is not None
    assert (panel.style.color, [step.color for step in panel.style.thresholds]) == ("", ["", "#abc"])


def test_a_dashboard_without_uid_gets_the_same_one_each_time() -> None:
    assert reading().dashboard.uid == reading().dashboard.uid
    assert reading(uid="../../etc").dashboard.uid == reading().dashboard.uid


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"title": "x"}, "panels"),
        ({"panels": []}, "title"),
        ({"title": "x", "panels": [lines()] * (MAX_PANELS + 1)}, f"more than {MAX_PANELS} panels"),
    ],
)
def test_what_can_not_be_a_dashboard_is_refused(body: dict[str, Any], said: str) -> None:
    with pytest.raises(DashboardError, match=said):
        read_dashboard(body)


@pytest.mark.parametrize("junk", [None, 3, "x", [], [[]], {}, {"x": [{}]}, True, float("inf"), -1e300])
def test_values_of_the_wrong_type_break_nothing(junk: Any) -> None:
    keys = ("id", "gridPos", "targets", "fieldConfig", "options", "links", "transformations", "datasource", "repeat")
    for kind in (
        "timeseries",
        "stat",
        "table",
        "text",
        "heatmap",
        "piechart",
        "graph",
        "singlestat",
        "table-old",
        "row",
    ):
        for key in keys:
            reading({"type": kind, "title": "P", "styles": junk, "yaxes": junk, key: junk})
    for key in ("templating", "annotations", "links", "time", "tags", "refresh", "uid", "graphTooltip"):
        reading(**{key: junk})
