"""What variables can be: queries planned, answers listed, values chosen."""

from __future__ import annotations

import pytest

from tejer.observe.dashboards.choices import (
    Call,
    ChoiceError,
    Option,
    chosen,
    fixed_options,
    in_order,
    listed,
    options,
    plan,
)  # fmt: skip
from tejer.observe.dashboards.model import ALL, Variable
from tejer.observe.dashboards.patterns import PatternError


@pytest.mark.parametrize(
    ("query", "call"),
    [
        ("label_values(pod)", Call("label_values", label="pod")),
        ('label_values(up{job=~"a,b"}, pod)', Call("label_values", label="pod", match='up{job=~"a,b"}')),
        (
            'label_values({__name__=~"a|b", c="d"}, pod) ',
            Call("label_values", label="pod", match='{__name__=~"a|b", c="d"}'),
        ),
        ("label_names()", Call("label_names")),
        ("metrics(istio_.*)", Call("label_values", label="__name__", pattern="istio_.*")),
        ("query_result(sum(up) by (a))", Call("query", match="sum(up) by (a)")),
        ("up{a='b'}", Call("series", match="up{a='b'}")),
    ],
)
def test_plan(query: str, call: Call) -> None:
    assert plan(query) == call


def test_a_query_result_is_spelled_as_grafana_spells_it() -> None:
    data = {"resultType": "vector", "result": [{"metric": {"__name__": "up", "b": "2", "a": "1"}, "value": [7.5, "3"]}]}
    assert listed(Call("query"), data) == ['up{b="2",a="1"} 3 7500']


def test_istios_kind_of_regex_cuts_the_label_out() -> None:
    service = Variable(name="service", kind="query", regex='/.*destination_service="([^"]*).*/', sort=1)
    found = [
        '{destination_service="b.x"} 1 1',
        '{destination_service="a.x"} 2 1',
        '{destination_service="a.x"} 9 1',
        "z",
    ]
    assert options(service, found) == [Option("a.x", "a.x"), Option("b.x", "b.x")]


def test_named_groups_are_value_and_text() -> None:
    variable = Variable(name="x", kind="query", regex="/(?<text>\\w+)=(?<value>\\d+)/")
    assert options(variable, ["one=1", "two=2"]) == [Option("1", "one"), Option("2", "two")]


@pytest.mark.parametrize(
    ("sort", "ordered"),
    [(0, ["b10", "B9", "a2"]), (1, ["B9", "a2", "b10"]), (2, ["b10", "a2", "B9"]), (3, ["a2", "B9", "b10"]),
     (4, ["b10", "B9", "a2"]), (5, ["a2", "b10", "B9"])],
)  # fmt: skip
def test_sorting(sort: int, ordered: list[str]) -> None:
    assert [one.text for one in options(Variable(name="x", kind="query", sort=sort), ["b10", "B9", "a2"])] == ordered


def test_a_pattern_that_would_take_years_is_stopped_by_name() -> None:
    with pytest.raises(PatternError, match="takes too long"):
        options(Variable(name="x", kind="query", regex="/^(a|a)*$/"), ["a" * 40 + "!"] * 3)


@pytest.mark.parametrize("pattern", ["/(/", "(?<", "[", "a" * 3000])
def test_a_pattern_that_is_none_is_named(pattern: str) -> None:
    with pytest.raises(PatternError):
        options(Variable(name="x", kind="query", regex=pattern), ["a"])


def test_choices_of_custom_variables() -> None:
    found = fixed_options(Variable(name="x", kind="custom", query="1, Two : 2, a\\,b"))
    assert found == [Option("1", "1"), Option("2", "Two"), Option("a,b", "a,b")]


def test_data_sources_are_chosen_by_name() -> None:
    assert fixed_options(Variable(name="d", kind="datasource", query="prometheus", regex="/^P/"), ["Prom", "x"]) == [
        Option("Prom", "Prom")
    ]


TWO = [Option("a", "A"), Option("b", "B")]


def test_all_is_every_option_or_the_authors_own_pattern() -> None:
    variable = Variable(name="x", kind="query", multi=True, include_all=True, current=(ALL,))
    assert chosen(variable, TWO, None).values == ("a", "b")
    own = Variable(name="x", kind="query", multi=True, include_all=True, all_value=".*")
    assert chosen(own, TWO, [ALL]).values == (".*",)
    assert chosen(own, TWO, [ALL]).verbatim


def test_what_the_user_wants_then_what_was_saved_then_the_first() -> None:
    variable = Variable(name="x", kind="query", current=("b",))
    assert chosen(variable, TWO, ["gone"]).values == ("gone",)
    assert chosen(variable, TWO, None).values == ("b",)
    assert chosen(Variable(name="x", kind="query", current=("gone",)), TWO, None).values == ("a",)
    assert chosen(Variable(name="x", kind="query"), [], None).values == ("",)
    assert chosen(Variable(name="x", kind="query"), TWO, ["a", "b"]).values == ("a",)


def test_variables_come_after_those_they_mention() -> None:
    workload = Variable(name="workload", kind="query", query='label_values(m{ns="$namespace"}, w)')
    namespace = Variable(name="namespace", kind="query", query="label_values(ns)")
    assert [one.name for one in in_order([workload, namespace])] == ["namespace", "workload"]
    with pytest.raises(ChoiceError, match="a → b → a"):
        in_order([Variable(name="a", kind="query", query="$b"), Variable(name="b", kind="query", query="$a")])
