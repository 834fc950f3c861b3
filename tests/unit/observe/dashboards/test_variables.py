"""Variables in texts, by Grafana's documentation of their syntax."""

from __future__ import annotations

import pytest

from tejer.observe.dashboards.timing import Pace, Range
from tejer.observe.dashboards.variables import (
    FORMATS,
    FormatError,
    Value,
    built_in,
    for_query,
    for_reader,
    for_url,
    references,
    url_variables,
)  # fmt: skip

SCOPE = {
    "one": Value(("a.b",)),
    "many": Value(("a.b", "c|d"), ("A", "C"), listed=True),
    "single": Value(("a.b",), listed=True),
    "all": Value((".*",), listed=True, verbatim=True, is_all=True),
    "quote": Value(('x"} or up{a="',)),
}


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('up{a="$one"}', 'up{a="a.b"}'),
        ('up{a=~"$many"}', r'up{a=~"(a\\.b|c\\|d)"}'),
        ('up{a=~"[[single]]"}', r'up{a=~"a\\.b"}'),
        ('up{a=~"${all}"}', 'up{a=~".*"}'),
        ('up{a="$quote"}', r'up{a="x\"} or up{a=\""}'),
        ("rate(x[$unknown]) $1 ${__data.fields.x}", "rate(x[$unknown]) $1 ${__data.fields.x}"),
    ],
)
def test_in_a_query(text: str, query: str) -> None:
    assert for_query(text, SCOPE) == query


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ("csv", "a.b,c|d"), ("pipe", "a.b|c|d"), ("raw", "a.b,c|d"), ("regex", r"(a\.b|c\|d)"), ("glob", "{a.b,c|d}"),
        ("json", '["a.b", "c|d"]'), ("doublequote", '"a.b","c|d"'), ("singlequote", "'a.b','c|d'"), ("text", "A + C"),
        ("percentencode", "a.b%2Cc%7Cd"), ("queryparam", "var-many=a.b&var-many=c%7Cd"), ("join:; ", "a.b; c|d"),
    ],
)  # fmt: skip
def test_formats(how: str, written: str) -> None:
    assert for_query(f"${{many:{how}}}", SCOPE) == written


def test_a_format_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(FormatError, match=r"lucene.*csv"):
        for_query("${many:lucene}", SCOPE)
    assert "csv" in FORMATS


def test_for_people_and_for_links() -> None:
    assert for_reader("$many of ${many.text}, $all", SCOPE) == "A + C of A + C, All"
    assert for_url("/d/x?v=$quote", SCOPE) == "/d/x?v=x%22%7D%20or%20up%7Ba%3D%22"
    assert url_variables({"all": SCOPE["all"], "__from": Value(("1",))}) == "var-all=%24__all"


def test_grafanas_own() -> None:
    own = built_in(Range(1_000, 61_000), Pace(15_000, 15_000, 60_000), "Mesh")
    assert for_query("[$__interval] [$__rate_interval] [$__range] $__from ${__to} $__range_s", own) == (
        "[15s] [1m] [60s] 1000 61000 60"
    )


def test_a_text_that_explodes_is_refused() -> None:
    big = {"x": Value(("y" * 50_000,))}
    with pytest.raises(FormatError, match="characters"):
        for_query("$x $x $x $x $x", big)


def test_references() -> None:
    assert references("a{b='$one', c=~'${two:regex}'} [[three]]") == {"one", "two", "three"}
