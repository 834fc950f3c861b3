"""Jaeger's place in a browser, on the running sample."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.observe.world import Visit, picture

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PATIENCE_MS = 90_000
INGRESS, API = "istio-ingressgateway.istio-system", "finance-api.finance-app"


def search(visit: Visit, query: str) -> Page:
    """A search that has found something: traces come a moment after the requests."""
    page = visit("jaeger", f"/search?{query}")
    for _ in range(10):
        if page.locator("a[href*='/trace/']").count():
            break
        page.wait_for_timeout(3000)
        page.reload()
        page.wait_for_timeout(1000)
    expect(page.locator("a[href*='/trace/']").first).to_be_visible(timeout=PATIENCE_MS)
    return page


def test_from_a_search_to_the_waterfall_with_its_logs(visit: Visit) -> None:
    page = search(visit, f"service={INGRESS}&tags=http.status_code%3D200")
    picture(page, "jaeger-search.png")
    page.locator("a[href*='/trace/']").last.click()  # the oldest shown: of the newest some spans are still on their way
    for _ in range(20):
        page.wait_for_timeout(1500)
        if page.get_by_text("postgres SELECT").count():
            break
        page.reload()
    for service in (INGRESS, API):
        expect(page.get_by_text(service).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Log lines of this trace")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("postgres SELECT").first).to_be_visible(timeout=PATIENCE_MS)
    picture(page, "jaeger-trace.png")


def test_a_search_without_a_result_says_why(visit: Visit) -> None:
    page = visit("jaeger", f"/search?service={API}&tags=http.status_code%3D299")
    expect(page.get_by_text("No trace was found")).to_be_visible(timeout=PATIENCE_MS)


def test_dependencies(visit: Visit) -> None:
    search(visit, f"service={INGRESS}")
    page = visit("jaeger", "/dependencies")
    row = page.get_by_role("row").filter(has_text=INGRESS).filter(has_text=API)
    expect(row.first).to_be_visible(timeout=PATIENCE_MS)
