"""Grafana's place in a browser, on the running sample: shipped dashboards, variables, links, import, keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.observe.world import Visit
from tests.e2e.shell import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

MESH, SERVICE, WORKLOAD = "G8wLrJIMk", "LJ_uJAvmk", "UbsSZTDik"
RECENT = "?from=now-5m&to=now"
PATIENCE_MS = 90_000
"""Two scrapes must have happened before a rate has a value."""
DRAWN = {
    "istio-mesh-dashboard": ("Requests", "Success rate", "Request duration", "HTTP and gRPC",
                             "Proxies connected to istiod"),
    "istio-service-dashboard": ("Requests, by clients", "Requests, by servers", "Success rate by source",
                                "Size of responses by workload"),
    "istio-workload-dashboard": ("Requests, inbound", "Request duration by source"),
    "istio-performance-dashboard": ("Proxies", "Memory by pod", "Connections by pod"),
    "pilot-dashboard": ("Proxies connected", "Connections", "Rejected by proxies"),
}  # fmt: skip
"""Panels that must have data on the sample; the others may say "No data", which depends on what happened lately."""


def shipped() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted((ROOT / "infrastructure/grafana").glob("*.json"))]


def panel(page: Page, title: str) -> Any:
    return page.get_by_role("region", name=title, exact=True).first


def settled(page: Page) -> dict[str, list[str]]:
    """Titles by state, once every panel has been seen (the window is tall) and answered."""
    page.set_viewport_size({"width": 1440, "height": 4000})
    expect(page.locator("[data-panel]").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-state=waiting]")).to_have_count(0, timeout=PATIENCE_MS)
    # What failed for a passing reason is asked for again at the next refresh; what fails for good stays.
    expect(page.locator("[data-state=failed]")).to_have_count(0, timeout=20_000)
    states: dict[str, list[str]] = {}
    for state, title in page.eval_on_selector_all(
        "[data-panel]", "all => all.map(one => [one.dataset.state, one.querySelector('h3')?.innerText ?? ''])"
    ):
        states.setdefault(state, []).append(title)
    return states


@pytest.mark.parametrize("path", shipped())
def test_every_panel_shows_data_or_says_that_there_is_none(visit: Visit, path: Path) -> None:
    dashboard = json.loads(path.read_text())
    page = visit("grafana", f"/d/{dashboard['uid']}{RECENT}&refresh=5s")
    page.set_viewport_size({"width": 1440, "height": 4000})
    for title in DRAWN[path.stem]:
        expect(panel(page, title)).to_have_attribute("data-state", "drawn", timeout=PATIENCE_MS)
    states = settled(page)
    panels = [one for one in dashboard["panels"] if one["type"] != "row"]
    assert set(states) <= {"drawn", "empty"}, states
    assert sum(map(len, states.values())) == len(panels)
    expect(page.get_by_text("isn't drawn")).to_have_count(0)


def test_the_list_leads_to_dashboards(visit: Visit) -> None:
    page = visit("grafana", "/dashboards")
    expect(page.get_by_role("link", name="Istio ")).to_have_count(5)
    page.get_by_role("searchbox", name="Search dashboards").fill("mesh")
    page.get_by_role("link", name="Istio Mesh Dashboard").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Istio Mesh Dashboard")
    expect(page).to_have_title("Istio Mesh Dashboard · Grafana")


def test_a_row_of_the_mesh_leads_to_its_service_and_a_variable_to_another(visit: Visit) -> None:
    page = visit("grafana", f"/d/{MESH}{RECENT}&refresh=5s")
    service = "finance-api.finance-app.svc.cluster.local"
    page.get_by_role("link", name=service).first.click(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Istio Service Dashboard")
    chosen = page.get_by_label("Service", exact=True)
    expect(chosen).to_have_value(service)
    chosen.select_option("postgres.finance-app.svc.cluster.local")
    expect(page.get_by_role("button", name="postgres.finance-app.svc.cluster.local")).to_be_visible()
    assert "var-service=postgres" in page.url


def test_several_values_are_chosen_and_stand_in_the_query(visit: Visit) -> None:
    page = visit("grafana", f"/d/{WORKLOAD}{RECENT}&var-namespace=finance-app&var-workload=finance-api-v1")
    page.get_by_role("button", name="Reporter: source + waypoint").click(timeout=PATIENCE_MS)
    page.get_by_role("checkbox", name="waypoint").uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Requests, inbound").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('reporter=~"source", destination_workload_namespace=~"finance-app"')
    expect(dialog).to_contain_text("a point each 15 s")


def test_the_keyboard_reaches_values_and_queries(visit: Visit) -> None:
    page = visit("grafana", f"/d/{MESH}{RECENT}")
    title = page.get_by_role("button", name="Requests by response code")
    title.focus(timeout=PATIENCE_MS)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("istio_requests_total").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    plot = panel(page, "Requests by response code").get_by_role("group")
    plot.focus()
    page.keyboard.press("ArrowLeft")
    expect(plot.get_by_role("status")).to_contain_text("req/s")


def test_spanish_and_dark(visit: Visit) -> None:
    page = visit("grafana", f"/d/{MESH}{RECENT}")
    page.context.add_cookies([
        {"name": name, "value": value, "url": page.url.split("/d/")[0]}
        for name, value in (("tejer-language", "es"), ("tejer-theme", "dark"))
    ])  # fmt: skip
    try:
        page.reload()
        expect(page.get_by_role("link", name="Tableros")).to_be_visible()
        expect(page.get_by_text("Sin datos").or_(page.locator(".plot")).first).to_be_visible(timeout=PATIENCE_MS)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
    finally:
        for name in ("tejer-language", "tejer-theme"):
            page.context.clear_cookies(name=name)


FOREIGN = {
    "title": "Brought from elsewhere", "uid": "foreign", "schemaVersion": 16,
    "__inputs": [{"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"}],
    "panels": [
        {"id": 1, "type": "graph", "title": "Old graph", "datasource": "${DS_PROMETHEUS}", "gridPos": {"w": 12, "h": 8},
         "targets": [{"expr": "sum(pilot_xds)", "legendFormat": "proxies"}], "yaxes": [{"format": "short"}]},
        {"id": 2, "type": "geomap", "title": "A map", "gridPos": {"x": 12, "w": 12, "h": 8}},
        {"id": 3, "type": "text", "title": "<b>Words</b>", "gridPos": {"y": 8, "w": 24, "h": 4}, "mode": "html",
         "content": "<p id=ours>kept</p><script>window.hit = 1</script><img src=x onerror='window.hit = 2'>"},
        {"id": 4, "type": "singlestat", "title": "Old stat", "gridPos": {"y": 12, "w": 6, "h": 4},
         "targets": [{"expr": "sum(pilot_xds)"}], "valueName": "current", "postfix": "<script>window.hit = 3</script>"},
    ],
}  # fmt: skip


def test_a_foreign_dashboard_is_imported_and_what_is_left_out_named(visit: Visit) -> None:
    page = visit("grafana", "/dashboard/import")
    page.get_by_label("Or its JSON").fill(json.dumps(FOREIGN))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("main")).to_contain_text("panel type geomap")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Brought from elsewhere")
    try:
        states = settled(page)
        assert sorted(states["drawn"]) == ["<b>Words</b>", "Old graph", "Old stat"]
        assert states["unsupported"] == ["A map"]
        expect(page.get_by_text("Panels of type geomap can't be drawn here")).to_be_visible()
        expect(page.get_by_text("kept")).to_be_visible()
        assert page.evaluate("window.hit") is None
    finally:
        page.goto(page.url.split("/d/")[0] + "/dashboards")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("listitem").filter(has_text="Brought from elsewhere").get_by_role(
            "button", name="Delete"
        ).click()
    expect(page.get_by_role("link", name="Brought from elsewhere")).to_have_count(0)


@pytest.mark.parametrize("text", ["{", "[]", '{"title": "x"}', '{"a":' * 5000 + "1" + "}" * 5000])
def test_text_that_is_no_dashboard_is_refused_in_words(visit: Visit, text: str) -> None:
    page = visit("grafana", "/dashboard/import", refused=400)
    page.get_by_label("Or its JSON").fill(text)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_be_visible()


UNITS = [
    (0.5, "percentunit", "50%"), (12.345, "percent", "12.3%"), (1234, "short", "1.23k"), (0.0042, "s", "4.2 ms"),
    (90, "s", "1.5 min"), (1500, "ms", "1.5 s"), (1536, "bytes", "1.5 KiB"), (1500, "decbytes", "1.5 kB"),
    (1e6, "Bps", "1 MB/s"), (42, "reqps", "42 req/s"), (12345, "ops", "12.3k ops/s"), (0, "s", "0 s"), (3, "", "3"),
    (3661, "dtdurations", "01:01:01"), (7, "suffix: apples", "7 apples"), (7, "furlongs", "7 furlongs"),
    (None, "ms", "–"), (1e-9, "none", "1.0e-9"), (-2048, "bytes", "-2 KiB"),
]  # fmt: skip


def test_units(visit: Visit) -> None:
    page = visit("grafana", "/dashboards")
    script = (
        "all => import('/static/pages/grafana/units.js').then(it => all.map(([value, unit]) => it.format(value, unit)))"
    )
    assert page.evaluate(script, [[value, unit] for value, unit, _ in UNITS]) == [text for *_, text in UNITS]
