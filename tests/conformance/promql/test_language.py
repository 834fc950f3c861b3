"""The whole language against a real Prometheus: expressions.txt, as ranges and as instants, and random ones."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tejer.observe.metrics.api.asking import Asker
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.promql.vectors import QueryError
from tejer.observe.metrics.store.fixed import FixedStore
from tests.conformance.promql import real, samples
from tests.conformance.promql.compare import difference
from tests.conformance.tables.promql import Case, theirs_of

EXPRESSIONS = Path(__file__).with_name("expressions.txt").read_text().splitlines()
CASES = ((120_000, 1_500_000, 30_000), (600_007, 600_007, 0))
"""(start, end, step) after the first sample."""
RANDOM = 300


class World(NamedTuple):
    base: str
    store: FixedStore


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not real.AVAILABLE:
        assert not os.environ.get("CI"), "prometheus and promtool are missing: make test-deps"
        pytest.skip("prometheus and promtool are missing: make test-deps")
    series = samples.made(EXPRESSIONS)
    with real.prometheus(series, tmp_path_factory.mktemp("prometheus")) as base:
        yield World(base, FixedStore(series))


def wrong(world: World, query: str) -> list[str]:
    found = []
    for start, end, step in CASES:
        case = Case(query, samples.BEGIN + start, samples.BEGIN + end, step)
        if said := _difference(world, case):
            found.append(f"{query} [{'range' if step else 'instant'}]: {said}")
    return found


def _difference(world: World, case: Case) -> str:
    theirs = theirs_of(world.base, case)
    asker = Asker(world.store, Limits())
    try:
        asked = (
            asker.range(case.query, case.start, case.end, case.step, 60)
            if case.step
            else asker.instant(case.query, case.start, 60)
        )
        ours = asyncio.run(asked)
    except QueryError as error:
        return "" if theirs["status"] == "error" else f"{error}, not {str(theirs)[:200]}"
    finally:
        asker.close()
    if theirs["status"] == "error":
        return f"an answer, not {theirs['error']}"
    return difference(ours, theirs["data"])


@pytest.mark.parametrize("query", EXPRESSIONS)
def test_agrees_with_prometheus(world: World, query: str) -> None:
    assert wrong(world, query) == []


def test_random_expressions_agree_with_prometheus(world: World) -> None:
    """Grown from a fixed seed, so that a failure can be repeated."""
    grower = Grower(random.Random(20_251_125))
    assert [said for _ in range(RANDOM) for said in wrong(world, grower.vector(3))] == []


class Grower:
    """Random, mostly meaningful expressions."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose.choice

    def vector(self, depth: int) -> str:
        if not depth:
            return self.selector()
        kinds = (self.selector, self.call, self.ranged, self.aggregate, self.binary)
        return self.choose(kinds)(depth)

    def selector(self, _: int = 0) -> str:
        name = self.choose(("g", "h", "c", "one"))
        fits = self.choose(("", '{a="1"}', '{a!="2"}', '{a=~"1|3"}', '{b=""}', '{b!~"x"}'))
        return name + fits + self.choose(("", "", "", " offset 1m", " @ 1700000500"))

    def ranged(self, depth: int) -> str:
        function = self.choose(
            ("rate", "increase", "delta", "irate", "changes", "resets", "avg_over_time", "min_over_time",
             "max_over_time", "sum_over_time", "count_over_time", "last_over_time", "stddev_over_time")
        )  # fmt: skip
        if self.choose((True, False, False)):
            return f"{function}(({self.vector(depth - 1)})[{self.choose(('2m:30s', '5m:', '3m:20s'))}])"
        name = self.choose(("g", "h", "c", "one"))
        return f"{function}({name}[{self.choose(('1m', '90s', '5m'))}])"

    def call(self, depth: int) -> str:
        inner = self.vector(depth - 1)
        function = self.choose(("abs", "ceil", "sgn", "sqrt", "timestamp", "round", "-", "clamp"))
        if function == "-":
            return f"-({inner})"
        return f"clamp({inner}, -2, 3)" if function == "clamp" else f"{function}({inner})"

    def aggregate(self, depth: int) -> str:
        operator = self.choose(("sum", "avg", "min", "max", "count", "stddev", "group", "quantile"))
        parameter = "0.3, " if operator == "quantile" else ""  # topk: Prometheus lets chance decide between equals
        grouping = self.choose(("", " by (b)", " without (a)", " by (a, b)"))
        return f"{operator}{grouping}({parameter}{self.vector(depth - 1)})"

    def binary(self, depth: int) -> str:
        operator = self.choose(("+", "-", "*", "/", "%", ">", "<=", "== bool", "!=", "and", "or", "unless"))
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        if operator not in ("and", "or", "unless") and self.choose((True, False)):
            right = self.choose(("2", "0.5", "-1"))
        else:
            operator += self.choose(("", " on (b)", " ignoring (a)", " on (a)"))
        return f"({left}) {operator} ({right})"
