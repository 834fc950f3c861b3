from __future__ import annotations

import math
import time

import pytest

from tejer.observe.metrics.scrape.exposition import (
    Comment,
    ExpositionError,
    Sample,
    comment_of,
    labels_of,
    read_page,
)

ENVOY = """# TYPE istio_requests_total counter
istio_requests_total{response_code="200",source_app="a b",path="/x,y}\\"z"} 12
# HELP up Is it up? \\\\ or\\nnot
up 1 1700000000123
latency_bucket{le="+Inf"} 3.5e2
nothing NaN
cold -Inf
"""


def test_every_kind_of_line() -> None:
    page = read_page(ENVOY, {}, set())
    assert [sample.series for sample in page.others] == [
        'istio_requests_total{response_code="200",source_app="a b",path="/x,y}\\"z"}', "up",
        'latency_bucket{le="+Inf"}', "nothing", "cold",
    ]  # fmt: skip
    assert [sample.value for sample in page.others][:3] == [12, 1, 350]
    assert math.isnan(page.others[3].value)
    assert page.others[4].value == -math.inf
    assert [sample.time for sample in page.others] == [None, 1700000000123, None, None, None]
    assert labels_of(page.others[0].series) == (
        ("__name__", "istio_requests_total"), ("path", '/x,y}"z'), ("response_code", "200"), ("source_app", "a b"),
    )  # fmt: skip
    assert [comment_of(line) for line in page.comments] == [
        Comment("TYPE", "istio_requests_total", "counter"),
        Comment("HELP", "up", "Is it up? \\ or\nnot"),
    ]


def test_known_series_are_found_by_their_text() -> None:
    page = read_page('a{x="1"} 5\nb 6\nb 7 1000\n', {'a{x="1"}': 10, "b": 11}, set())
    assert (page.known, page.values) == ([10, 11], [5.0, 6.0])
    assert page.others == [Sample("b", 7.0, 1000)]


def test_spaces_tabs_and_carriage_returns() -> None:
    page = read_page('  a { x = "1" , y="2", }\t5\t \r\n\n\t\nb\t1\r\n', {}, set())
    assert [(labels_of(sample.series), sample.value) for sample in page.others] == [
        ((("__name__", "a"), ("x", "1"), ("y", "2")), 5.0),
        ((("__name__", "b"),), 1.0),
    ]


def test_openmetrics() -> None:
    text = 'a_total{x="1"} 5 1700000000.5 # {trace_id="abc"} 0.67\nb 1 1700000000\n# EOF\n'
    page = read_page(text, {}, set(), openmetrics=True)
    assert page.others == [
        Sample('a_total{x="1"}', 5.0, 1700000000500),
        Sample("b", 1.0, 1700000000000),
    ]
    with pytest.raises(ExpositionError, match="EOF"):
        read_page("a 1\n", {}, set(), openmetrics=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html><body>404</body></html>", "line 1: expected a metric's name, found '<html>"),
        ("ok 1\nbroken{a=b} 1\n", "line 2: expected a label or } at 'a=b} 1'"),
        ('a{x="unclosed} 1\n', "line 1: expected a label or }"),
        ("a\n", "line 1: expected a value"),
        ("a one\n", "'one' is not a number"),
        ("a 1_000\n", "'1_000' is not a number"),
        ("a 1 soon\n", "line 1: expected a value"),
        ("a 1 1e300\n", "is not a time"),
        ("a 1 nan\n", "line 1"),
        ("\x00\x01\x02", "line 1"),
        ('a{x="1"}{y="2"} 1', "not a number"),
    ],
)
def test_garbage_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        read_page(text, {}, set())
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_value_that_stops_being_a_number_is_refused_in_known_series_too() -> None:
    with pytest.raises(ExpositionError, match="line 2: 'x' is not a number"):
        read_page("a 1\nb x\n", {"b": 1}, set())


def test_repeated_labels_and_unknown_types_are_refused() -> None:
    with pytest.raises(ExpositionError, match="label x is set twice"):
        labels_of('a{x="1",x="2"}')
    with pytest.raises(ExpositionError, match="no such type of metric: 'spiral'"):
        comment_of("# TYPE a spiral")
    assert comment_of("# just a remark") is None
    assert comment_of("# TYPE a untyped") == Comment("TYPE", "a", "unknown")


def test_labels_without_a_value_are_absent() -> None:
    assert labels_of('a{x="",y="1"}') == (("__name__", "a"), ("y", "1"))


def test_a_busy_proxys_page_costs_little_once_known() -> None:
    series = [f'istio_request_duration_milliseconds_bucket{{le="{i}",path="/{"x" * 600}"}}' for i in range(1000)]
    text = "".join(f"{one} {number}\n" for number, one in enumerate(series))
    known = {one: number for number, one in enumerate(series)}
    started = time.process_time()
    page = read_page(text, known, set())
    assert page.known == list(range(1000)) and not page.others
    assert time.process_time() - started < 0.1  # a few milliseconds; reading each label takes ten times as long


def test_many_braces_take_linear_time() -> None:
    started = time.process_time()
    with pytest.raises(ExpositionError):
        read_page("a{" + 'x="1",' * 100_000 + "\\", {}, set())
    assert time.process_time() - started < 5
