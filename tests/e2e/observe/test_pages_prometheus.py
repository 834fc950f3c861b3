"""Prometheus's place in a browser, on the running sample."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.observe.world import Visit, picture

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PATIENCE_MS = 90_000
RATE = "sum by (destination_workload, response_code) (rate(istio_requests_total[1m]))"


def test_an_expression_as_graph_and_as_table(visit: Visit) -> None:
    page = visit("prometheus", "/graph")
    page.get_by_role("combobox", name="Expression").fill(RATE)
    page.get_by_role("button", name="Run").click()
    page.get_by_role("tab", name="Table").click()
    row = page.get_by_role("row").filter(has_text="finance-api-v1").first
    for _ in range(10):  # two scrapes must have happened before a rate has a value
        if row.count():
            break
        page.wait_for_timeout(5000)
        page.reload()
        page.wait_for_timeout(1000)
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE_MS)
    assert "g0.expr=" in page.url
    picture(page, "prometheus-graph.png")


def test_an_expression_that_cannot_be_read_is_explained(visit: Visit) -> None:
    page = visit("prometheus", "/graph?g0.expr=up%20%2B&g0.tab=1", refused=400)
    expect(page.get_by_text("The expression can't be read.")).to_be_visible(timeout=PATIENCE_MS)


def test_a_metric_that_is_not_there_says_so(visit: Visit) -> None:
    page = visit("prometheus", "/graph?g0.expr=nothing_of_the_kind&g0.tab=1")
    expect(page.get_by_text("Nothing was found")).to_be_visible(timeout=PATIENCE_MS)


def test_targets(visit: Visit) -> None:
    page = visit("prometheus", "/targets")
    expect(page.get_by_text("up", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("15020/stats/prometheus").first).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize(
    ("path", "says"), [("/status", "Build"), ("/tsdb-status", "Storage"), ("/config", "scrape_configs")]
)
def test_what_the_server_says_of_itself(visit: Visit, path: str, says: str) -> None:
    page = visit("prometheus", path)
    expect(page.get_by_text(says).first).to_be_visible(timeout=PATIENCE_MS)
