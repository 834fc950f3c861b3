"""The pages of Prometheus and Jaeger over answers made here: what they show, by mouse and by keyboard, and how fast."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tejer.observe.web.assets import Assets
from tejer.observe.web.places import JAEGER, PROMETHEUS
from tests.support.browser import chromium, launch
from tests.unit.observe.web.site import Site
from tests.unit.observe.web.test_modules import span, trace

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not chromium(), reason="needs chromium: make test-deps")]

NOW = time.time()
FIRST_LOAD_BYTES = 150_000
HOSTILE = '<img src=x onerror="window.hit=1">'
UP = {"__name__": "up", "job": "mesh", "evil": HOSTILE}
TARGET = {
    "scrapePool": "mesh", "scrapeUrl": "http://10.0.0.1:15020/stats", "labels": {"job": "mesh"}, "lastError": "",
    "lastScrape": "2026-01-01T00:00:00Z", "lastScrapeDuration": 0.012, "scrapeInterval": "15s", "health": "up",
}  # fmt: skip
PROMETHEUS_ANSWERS = {
    "/api/v1/label/__name__/values": {"data": ["istio_requests_total", "up"]},
    "/api/v1/labels": {"data": ["__name__", "job", "reporter"]},
    "/api/v1/label/job/values": {"data": ["mesh", "other"]},
    "/api/v1/metadata": {"data": {"up": [{"type": "gauge", "help": "Whether it was scraped"}]}},
    "/api/v1/query": {"data": {"resultType": "vector", "result": [{"metric": UP, "value": [NOW, "1"]}]}},
    "/api/v1/query_range": {
        "data": {"resultType": "matrix", "result": [{"metric": UP, "values": [[NOW - 60, "0"], [NOW - 30, "1"]]}]}
    },
    "/api/v1/targets": {
        "data": {
            "activeTargets": [
                TARGET,
                TARGET | {"scrapeUrl": "http://10.0.0.2:15020/stats", "health": "down", "lastError": "refused"},
            ]
        }
    },
    "/api/v1/status/runtimeinfo": {"data": {"storageRetention": "15d"}},
    "/api/v1/status/buildinfo": {"data": {"version": "3.0.0"}},
    "/api/v1/status/flags": {"data": {"config.file": "prometheus.yml"}},
    "/api/v1/status/config": {"data": {"yaml": "scrape_configs: []\n"}},
    "/api/v1/status/tsdb": {
        "data": {"headStats": {"numSeries": 4321}, "seriesCountByMetricName": [{"name": "up", "value": 2}]}
    },
}
START = int((NOW - 60) * 1e6)
REQUEST = trace(
    span("root", "", START, 9000), span("query", "root", START + 1000, 7000, **{"db.statement": HOSTILE}),
    span("failed", "query", START + 2000, 500, error=True),
)  # fmt: skip
JAEGER_ANSWERS = {
    "/api/v3/services": {"services": ["s", "postgres"]},
    "/api/v3/operations": {"operations": [{"name": "root", "spanKind": "server"}]},
    "/api/v3/trace-summaries": {
        "summaries": [
            {
                "traceId": "abc123", "rootServiceName": "s", "rootOperationName": HOSTILE,
                "minStartTimeUnixNano": f"{START}000", "maxEndTimeUnixNano": f"{START + 9000}000", "spanCount": 3,
                "errorSpanCount": 1, "services": [{"name": "s", "spanCount": 3}],
            }
        ]
    },
    "/api/traces/abc123": {"data": [REQUEST]},
    "/api/logs": {"logs": [
        {"timeUnixNano": f"{START + 500}000", "workload": "api", "namespace": "finance", "body": "GET /a 200"}
    ]},
    "/api/dependencies": {"data": [{"parent": "s", "child": "postgres", "callCount": 7}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, Site]]:
    with Site(PROMETHEUS, PROMETHEUS_ANSWERS) as prometheus, Site(JAEGER, JAEGER_ANSWERS) as jaeger:
        yield {"prometheus": prometheus, "jaeger": jaeger}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Anything in its console and any request without an answer fails the test."""
    problems: list[str] = []
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"{request.url}: {request.failure}"))
    yield page
    assert page.evaluate("window.hit") is None
    context.close()
    assert [one for one in problems if "ERR_NETWORK_CHANGED" not in one and "ERR_ABORTED" not in one] == []


def show(page: Page, address: str) -> None:
    """Chromium stops loading when an interface of this machine comes or goes: then once more."""
    for _ in range(5):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        if page.locator("#app > *").count():
            return
    raise AssertionError(f"nothing is shown at {address}")


PAGES = [
    ("prometheus", "/graph", "Expressions to begin with"),
    ("prometheus", "/graph?g0.expr=up", "1 series"),
    ("prometheus", "/targets", "1 of 2 up"),
    ("prometheus", "/status", "storageRetention"),
    ("prometheus", "/tsdb-status", "4.321 k"),
    ("prometheus", "/config", "scrape_configs"),
    ("jaeger", "/search", "1 trace"),
    ("jaeger", "/trace/abc123", "GET /a 200"),
    ("jaeger", "/dependencies", "postgres"),
]


@pytest.mark.parametrize(("place", "path", "shown"), PAGES)
def test_every_page_shows_its_data(page: Page, sites: dict[str, Site], place: str, path: str, shown: str) -> None:
    show(page, sites[place].base + path)
    expect(page.get_by_text(shown).first).to_be_visible()
    assert page.locator("h1").count() == 1
    assert page.get_by_role("main").count() == 1
    named = "one.ariaLabel || one.innerText.trim() || one.labels?.length"
    unnamed = f"all => all.filter(one => !({named})).map(one => one.outerHTML)"
    assert page.eval_on_selector_all("button, a[href]:not(svg a), input, select, textarea", unnamed) == []


@pytest.mark.parametrize("place", ["prometheus"])
def test_spanish_dark_and_narrow(browser: Browser, sites: dict[str, Site], place: str) -> None:
    context = browser.new_context(locale="es-ES", color_scheme="dark", viewport={"width": 420, "height": 800})
    page = context.new_page()
    for _, path, _ in [one for one in PAGES if one[0] == place]:
        show(page, sites[place].base + path)
        assert page.evaluate("document.documentElement.lang") == "es"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
    context.close()


def test_an_error_shows_its_place_and_nothing_found_says_why(browser: Browser) -> None:
    wrong = (400, {"status": "error", "errorType": "bad_data", "error": '1:5: parse error: unexpected "]"'})
    empty = {"data": {"resultType": "matrix", "result": []}}
    for answer, expression in ((wrong, "sum(]"), (empty, "istio_request_total")):
        with Site(PROMETHEUS, PROMETHEUS_ANSWERS | {"/api/v1/query_range": answer}) as site:
            page = browser.new_page(locale="en-GB")
            show(page, f"{site.base}/graph?g0.expr={expression}")
            if answer is wrong:
                expect(page.get_by_role("alert")).to_contain_text('unexpected "]"')
                expect(page.locator("mark")).to_have_text("]")
            else:
                expect(page.get_by_text("There is no metric istio_request_total.")).to_be_visible()
            page.close()


def test_targets_are_narrowed_down(page: Page, sites: dict[str, Site]) -> None:
    show(page, f"{sites['prometheus'].base}/targets")
    page.get_by_label("Only unhealthy").check()
    expect(page.get_by_text("http://10.0.0.1:15020/stats")).to_have_count(0)
    expect(page.get_by_text("refused")).to_be_visible()
    page.get_by_role("searchbox").fill("10.0.0.9")
    expect(page.get_by_text("No target is like this")).to_be_visible()


def test_spans_fold_open_and_are_found(page: Page, sites: dict[str, Site]) -> None:
    show(page, f"{sites['jaeger'].base}/trace/abc123")
    spans = page.get_by_role("treeitem")
    expect(spans).to_have_count(3)
    opener = spans.nth(0).locator(".span-open")
    opener.focus()
    page.keyboard.press("ArrowLeft")
    expect(spans).to_have_count(1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    detail = page.get_by_role("group", name="Details of query")
    expect(detail).to_contain_text(HOSTILE)
    assert "span=query" in page.url
    page.get_by_role("searchbox", name="Find in this trace").fill("db.statement")
    expect(page.get_by_text("1 span", exact=True)).to_be_visible()
    expect(spans.nth(0)).to_have_attribute("data-faded", "true")
    expect(page.get_by_role("cell", name="GET /a 200")).to_be_visible()


def test_the_choice_of_a_theme_is_remembered(page: Page, sites: dict[str, Site]) -> None:
    show(page, f"{sites['prometheus'].base}/status")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_pages_are_usable_within_a_second(page: Page, sites: dict[str, Site]) -> None:
    """The best of a few: this machine does other things too."""
    took = []
    for place in ("prometheus", "jaeger"):
        best = 60_000.0
        for _ in range(5):
            show(page, sites[place].base)
            shown: Any = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 60000")
            best = min(best, shown)
        took.append(best)
    assert max(took) < 1000, took


def test_the_first_load_is_small(page: Page, sites: dict[str, Site]) -> None:
    """All that a page loads, as it travels; plain modules have comments, so their bundle is smaller still."""
    loaded: list[str] = []
    page.on("response", lambda response: loaded.append(response.url))
    show(page, f"{sites['prometheus'].base}/graph?g0.expr=up")
    names = [url.partition("/static/")[2].partition("?")[0] for url in loaded if "/static/" in url]
    files = [Assets().find(name) for name in names]
    total = sum(len(file.packed or file.body) for file in files if file is not None)
    assert 20_000 < total <= FIRST_LOAD_BYTES, total
