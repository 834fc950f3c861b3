"""The dashboards we ship: made from their sources, whole, and asking only what an engine can answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from scripts.dashboards.__main__ import ROOT, files
from tejer.kube.manifest import load_bytes
from tejer.observe.dashboards import variables
from tejer.observe.dashboards.choices import plan
from tejer.observe.dashboards.model import Dashboard, Panel
from tejer.observe.dashboards.reading.dashboard import read
from tejer.observe.dashboards.timing import Range, pace
from tejer.observe.dashboards.variables import Value

SHIPPED = sorted((ROOT / "infrastructure/grafana").glob("*.json"))
SPAN = Range(1_700_000_000_000, 1_700_003_600_000)


def dashboards() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in SHIPPED]


def scope(dashboard: Dashboard) -> dict[str, Value]:
    own = variables.built_in(SPAN, pace(SPAN, 1000), dashboard.title)
    return {**own, **{one.name: Value(("x.y",), listed=one.multi) for one in dashboard.variables}}


def panels(dashboard: Dashboard) -> list[Panel]:
    return [panel for row in dashboard.rows for panel in row.panels]


def test_they_are_what_their_sources_make() -> None:
    """`python -m scripts.dashboards` writes them."""
    for path, text in files().items():
        assert (ROOT / path).read_text() == text, f"{path}: run python -m scripts.dashboards"


@pytest.mark.parametrize("path", dashboards())
def test_everything_in_them_is_drawn(path: Path) -> None:
    found = read(path.read_bytes())
    assert found.omissions == ()
    assert all(panel.kind != "unsupported" for panel in panels(found.dashboard))


@pytest.mark.parametrize("path", dashboards())
def test_every_expression_is_promql(path: Path) -> None:
    dashboard = read(path.read_bytes()).dashboard
    values = scope(dashboard)
    asked = [variables.for_query(target.expr, values) for panel in panels(dashboard) for target in panel.targets]
    asked += [plan(variables.for_query(one.query, values)).match for one in dashboard.variables if one.kind == "query"]
    assert len(asked) > 10
    for expr in filter(None, asked):
        assert "$" not in expr, expr
        promql_parser.parse(expr)


@pytest.mark.parametrize("path", dashboards())
def test_panels_stand_beside_each_other_not_on_each_other(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


def test_the_addons_config_maps_hold_each_of_them_once() -> None:
    objects = [one.body for one in load_bytes((ROOT / "samples/addons/grafana.yaml").read_bytes())]
    maps = [one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] != "grafana"]
    assert sorted(one["metadata"]["name"] for one in maps) == [
        "istio-grafana-dashboards", "istio-services-grafana-dashboards",
    ]  # fmt: skip
    held = {name: json.loads(text) for one in maps for name, text in one["data"].items()}
    assert held == {path.name: json.loads(path.read_text()) for path in SHIPPED}
    assert {one["metadata"].get("namespace", "istio-system") for one in objects} == {"istio-system"}
