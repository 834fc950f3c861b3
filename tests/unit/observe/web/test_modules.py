"""The pages' pure modules, run where they will run: in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tejer.observe.web.places import PROMETHEUS
from tests.support.browser import chromium, launch
from tests.unit.observe.web.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not chromium(), reason="needs chromium: make test-deps")]

Call = Callable[..., Any]
ANSWERS = {"/api/v1/label/__name__/values": {"data": []}, "/api/v1/metadata": {"data": {}}}


@pytest.fixture(scope="module")
def call() -> Iterator[Call]:
    """`call("lib/format.js", "bytes", 1536)`: what the function of a module returns."""
    script = "([path, name, given]) => import('/static/' + path).then(module => module[name](...given))"
    with Site(PROMETHEUS, ANSWERS) as site, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(locale="en-GB")
        page.goto(f"{site.base}/status")
        yield lambda path, name, *given: page.evaluate(script, [path, name, list(given)])
        browser.close()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567, "1.235 M"), (0.25, "0.25"), (-5300, "-5.3 k"), (1e-7, "1.00e-7"), (float("inf"), "+Inf")],
)
def test_compact_numbers(call: Call, value: float, text: str) -> None:
    assert call("lib/format.js", "compact", value) == text


def test_sizes_and_durations(call: Call) -> None:
    assert call("lib/format.js", "bytes", 1536) == "1.5 KiB"
    for us, text in ((12, "12 µs"), (3210, "3.21 ms"), (2.5e6, "2.5 s"), (61e6, "1 min 1 s"), (7.5e9, "2 h 5 min")):
        assert call("lib/format.js", "micros", us) == text
    for text, ms in (("1h30m", 5_400_000), ("15s", 15_000), ("500ms", 500), ("2d", 172_800_000)):
        assert call("lib/format.js", "parseDuration", text) == ms
        assert call("lib/format.js", "durationText", ms) == text
    assert call("lib/format.js", "parseDuration", "1 hour") != call("lib/format.js", "parseDuration", "1h")


def test_messages_fill_blanks_and_choose_plurals(call: Call) -> None:
    words = {"a": "Hello {name}", "b": {"one": "{count} trace", "other": "{count} traces"}}
    assert call("lib/i18n.js", "translate", words, "en", "a", {"name": "{name}"}) == "Hello {name}"
    assert call("lib/i18n.js", "translate", words, "en", "a", {}) == "Hello {name}"
    assert call("lib/i18n.js", "translate", words, "en", "b", {"count": 1}) == "1 trace"
    assert call("lib/i18n.js", "translate", words, "en", "b", {"count": 2500}) == "2,500 traces"
    assert call("lib/i18n.js", "translate", words, "en", "missing", {}) == "missing"


NOW = 1_700_000_000_000


def test_time_ranges(call: Call) -> None:
    assert call("lib/time.js", "resolve", {"from": "now-5m", "to": "now"}, NOW) == {
        "startMs": NOW - 300e3,
        "endMs": NOW,
    }
    absolute = {"from": str(NOW - 1000), "to": str(NOW)}
    assert call("lib/time.js", "resolve", absolute, NOW + 5) == {"startMs": NOW - 1000, "endMs": NOW}
    for wrong in ({"from": "now", "to": "now-5m"}, {"from": "x", "to": "now"}, {"from": "now-5parsecs", "to": "now"}):
        assert call("lib/time.js", "resolve", wrong, NOW) == {"startMs": NOW - 3600e3, "endMs": NOW}
    for span, step in ((60e3, 1), (3600e3, 15), (86400e3, 600)):
        assert call("lib/time.js", "stepSeconds", span, 240) == step


def test_routes(call: Call) -> None:
    assert call("lib/router.js", "match", "/trace/:id", "/trace/a%2Fb/") == {"id": "a/b"}
    assert call("lib/router.js", "match", "/trace/:id", "/trace") is None
    assert call("lib/router.js", "match", "/d/:uid/:slug", "/d/x/y") == {"uid": "x", "slug": "y"}


def test_addresses_leave_out_what_is_empty(call: Call) -> None:
    assert call("lib/api.js", "url", "/a", {"b": "c d", "e": "", "f": None, "g": ["1", "2"]}) == "/a?b=c+d&g=1&g=2"
    assert call("lib/api.js", "url", "/a", {}) == "/a"


@pytest.mark.parametrize(
    ("body", "text", "reason"),
    [
        ({"status": "error", "error": "bad"}, "", "bad"),
        ({"error": {"message": "bad"}}, "", "bad"),
        ({"errors": [{"code": 400, "msg": "bad"}]}, "", "bad"),
        ({"message": "bad"}, "", "bad"),
        (None, "plain words\n", "plain words"),
        ({}, "{}", "HTTP 500"),
    ],
)
def test_the_reason_of_a_refusal(call: Call, body: Any, text: str, reason: str) -> None:
    assert call("lib/api.js", "reason", body, text, 500) == reason


def test_tables_sort_numbers_and_names_as_people_do(call: Call) -> None:
    assert call("lib/table.js", "compare", 2, 10) < 0
    assert call("lib/table.js", "compare", "pod-2", "pod-10") < 0
    assert call("lib/table.js", "compare", float("nan"), 10) > 0


def test_suggestions_are_tightest_first(call: Call) -> None:
    names = [{"text": text} for text in ("node_up", "setup", "up", "upper", "unrelated_p", "none")]
    assert [one["text"] for one in call("lib/combobox.js", "matching", "up", names)] == [
        "up", "upper", "node_up", "setup", "unrelated_p",
    ]  # fmt: skip


def test_charts_keep_zero_in_sight(call: Call) -> None:
    assert call("lib/chart.js", "yRange", 5, 10)[0] == 0
    assert call("lib/chart.js", "yRange", 1000, 1001)[0] > 0
    assert call("lib/chart.js", "yRange", None, None) == [0, 1]
    series = [{"label": "a", "values": [1, None]}, {"label": "b", "values": [2, 3]}]
    assert [one["values"] for one in call("lib/chart.js", "stacked", series)] == [[1, 0], [3, 3]]


PROMQL = "pages/prometheus/promql.js"


@pytest.mark.parametrize(
    ("text", "kind", "word", "about"),
    [
        ("ra|", "name", "ra", ""),
        ("rate(istio_re|", "name", "istio_re", ""),
        ("up{|", "label", "", "up"),
        ("up{job=\"a\", in|", "label", "in", "up"),
        ('up{job="pro|', "value", "pro", "job"),
        ("up{job=~'a|", "value", "a", "job"),
        ("sum by (de|", "label", "de", ""),
        ("sum(rate(reqs{a='b'}[5m])) by (|", "label", "", "reqs"),
        ("rate(up[5|", "none", "", ""),
        ("2|", "none", "", ""),
        ('up{job="a"}|', "name", "", ""),
        ('label_replace(up, "dst|', "none", "", ""),
        (r'up{a="x\"y|', "value", r"x\"y", "a"),
    ],
)  # fmt: skip
def test_what_is_being_typed(call: Call, text: str, kind: str, word: str, about: str) -> None:
    caret = text.index("|")
    found = call(PROMQL, "context", text.replace("|", ""), caret)
    assert found["kind"] == kind
    assert found["word"] == word
    if kind == "value":
        assert found["label"] == about
    elif kind == "label":
        assert found["metric"] == about


def test_where_an_error_is(call: Call) -> None:
    assert call(PROMQL, "errorOffset", '1:5: parse error: unexpected "x"', "abcdef") == 4
    assert call(PROMQL, "errorOffset", "2:1: parse error: unexpected", "abc\ndef") == 4
    assert call(PROMQL, "errorOffset", "unclosed left parenthesis", "abc") == -1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("up", ["up"]),
        ('sum by (job) (rate(a:b{x="y or z"}[5m])) / ignoring(le) c', ["a:b", "c"]),
        ("a and b or topk(3, c) > bool 2", ["a", "b", "c"]),
        ("1 + inf", []),
    ],
)
def test_metrics_of_an_expression(call: Call, text: str, names: list[str]) -> None:
    assert call(PROMQL, "selected", text) == names


def test_a_matrix_becomes_lines_with_gaps(call: Call) -> None:
    result = [
        {"metric": {"__name__": "m", "a": "1", "same": "x"}, "values": [[0, "1"], [20, "NaN"]]},
        {"metric": {"__name__": "m", "a": "2", "same": "x"}, "values": [[10, "2.5"], [20, "+Inf"]]},
    ]
    drawn = call("pages/prometheus/graph.js", "toSeries", result, 0, 20, 10)
    assert drawn["times"] == [0, 10, 20]
    assert [(one["label"], one["values"]) for one in drawn["series"]] == [
        ('{a="1"}', [1, None, None]), ('{a="2"}', [None, 2.5, None]),
    ]  # fmt: skip


MODEL = "pages/jaeger/model.js"


def span(name: str, parent: str, start: int, duration: int, **tags: Any) -> dict[str, Any]:
    references = [{"refType": "CHILD_OF", "spanID": parent}] if parent else []
    return {
        "spanID": name, "operationName": name, "references": references, "startTime": start, "duration": duration,
        "processID": "p", "tags": [{"key": key, "value": value} for key, value in tags.items()], "logs": [],
    }  # fmt: skip


def trace(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"traceID": "t", "spans": list(spans), "processes": {"p": {"serviceName": "s"}}}


def test_spans_are_walked_depth_first_by_start(call: Call) -> None:
    read = call(MODEL, "readTrace", trace(
        span("late", "root", 50, 40), span("root", "", 0, 100), span("early", "root", 10, 20, error=True),
        span("leaf", "early", 12, 5), span("lost", "nowhere", 1, 1),
    ))  # fmt: skip
    assert [(one["name"], one["depth"]) for one in read["spans"]] == [
        ("root", 0), ("early", 1), ("leaf", 2), ("late", 1), ("lost", 0),
    ]  # fmt: skip
    assert (read["durationUs"], read["errors"], read["depth"], read["spans"][0]["below"]) == (100, 1, 3, 3)


def test_what_the_root_waited_for_is_critical(call: Call) -> None:
    read = call(MODEL, "readTrace", trace(
        span("root", "", 0, 100), span("a", "root", 5, 30), span("beside", "root", 10, 20), span("b", "root", 40, 55),
    ))  # fmt: skip
    assert {one["name"] for one in read["spans"] if one["critical"]} == {"root", "a", "b"}


def test_spans_in_a_circle_and_without_end_are_drawn(call: Call) -> None:
    read = call(MODEL, "readTrace", trace(span("a", "b", 0, 1), span("b", "a", 0, 1), span("c", "c", 0, 1)))
    assert sorted(one["name"] for one in read["spans"]) == ["a", "b", "c"]
    chain = trace(span("0", "", 0, 1), *(span(str(n), str(n - 1), n, 1) for n in range(1, 5000)))
    assert len(call(MODEL, "readTrace", chain)["spans"]) == 5000


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("error=true a.b=1", {"error": "true", "a.b": "1"}),
        ('sql="SELECT \\"x\\" = 1" b=c=d', {"sql": 'SELECT "x" = 1', "b": "c=d"}),
        ("", {}),
        ("loose words", None),
    ],
)
def test_tags_of_a_search(call: Call, text: str, tags: dict[str, str] | None) -> None:
    assert call(MODEL, "readTags", text) == tags
