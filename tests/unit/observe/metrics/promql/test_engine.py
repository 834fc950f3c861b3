"""The language by small worlds whose answers can be worked out by hand; tests/conformance has the wide comparison."""

from __future__ import annotations

import numpy as np
import pytest

from tejer.observe.metrics.promql.engine import Evaluation, parse, read_matchers
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.promql.vectors import QueryError, Vector
from tejer.observe.metrics.series import STALE_NAN, Labels, Matcher
from tejer.observe.metrics.store.fixed import FixedStore


def labels(text: str) -> Labels:
    """`up a=1 b=2`"""
    name, *pairs = text.split()
    return tuple(sorted({"__name__": name, **dict(pair.split("=") for pair in pairs)}.items()))


def world(**series: list[float]) -> FixedStore:
    """Samples every 10 s from 0; `a__x` is the series a{x="1"}."""
    named = [
        (labels(name.replace("__", " ") + "=1" if "__" in name else name), values) for name, values in series.items()
    ]
    return FixedStore([(who, [(i * 10_000, value) for i, value in enumerate(values)]) for who, values in named])


def at(store: FixedStore, query: str, second: float) -> dict[str, float] | float | str:
    value = Evaluation(store, np.array([int(second * 1000)])).value(parse(query))
    if isinstance(value, Vector):
        shown = [" ".join(f"{k}={v}" if k != "__name__" else v for k, v in who) for who in value.labels]
        return {who: float(row[0]) for who, row, has in zip(shown, value.values, value.present, strict=True) if has[0]}
    return value if isinstance(value, str) else float(value[0])


def test_the_newest_sample_counts_for_five_minutes() -> None:
    store = world(up=[1, 2])
    assert at(store, "up", 9) == {"up": 1}
    assert at(store, "up", 310) == {"up": 2}
    assert at(store, "up", 310.001) == {}
    assert at(store, "up", -1) == {}


def test_a_stale_marker_ends_a_series_at_once() -> None:
    store = world(up=[1, STALE_NAN])
    assert at(store, "up", 9) == {"up": 1}
    assert at(store, "up", 10) == {}
    assert at(store, "count_over_time(up[1m])", 20) == {"": 1}


def test_rate_is_extrapolated_to_the_window_and_survives_resets() -> None:
    store = world(c=[0, 10, 20, 5, 15, 25, 35])
    assert at(store, "increase(c[60s])", 60) == {"": 55}  # 20, then 5 and 30 more after the reset
    assert at(store, "rate(c[20s])", 60) == {"": 1}
    assert at(store, "rate(c[9s])", 60) == {}


def test_matching_by_labels() -> None:
    store = world(a__x=[6], a__y=[8], b__x=[2])
    assert at(store, "a / on (x) b", 0) == {"x=1": 3}
    assert at(store, "a * on () group_left () b", 0) == {"x=1": 12, "y=1": 16}
    assert at(store, "a and on (x) b", 0) == {"a x=1": 6}
    with pytest.raises(QueryError, match="many-to-one matching must be explicit"):
        at(store, "a * on () b", 0)
    with pytest.raises(QueryError, match=r"found duplicate series .* on the right hand-side"):
        at(store, "b * on () a", 0)


def test_quantiles_of_histograms() -> None:
    samples = [
        (labels(f"d_bucket le={bound}"), [(0, count)]) for bound, count in (("1", 50.0), ("2", 100.0), ("+Inf", 100.0))
    ]
    store = FixedStore(samples)
    assert at(store, "histogram_quantile(0.5, d_bucket)", 0) == {"": 1}
    assert at(store, "histogram_quantile(0.75, d_bucket)", 0) == {"": 1.5}
    assert at(store, "histogram_quantile(1, d_bucket)", 0) == {"": 2}


def test_subqueries_align_their_steps() -> None:
    store = world(c=[float(i) for i in range(61)])
    assert at(store, "count_over_time(c[1m:20s])", 600) == {"": 4}
    assert at(store, "max_over_time(rate(c[30s])[2m:])", 600) == {"": 0.1}


def test_what_is_not_there_is_named_and_what_is_wrong_refused() -> None:
    store = world(up=[1])
    with pytest.raises(QueryError, match=r"histogram_count\(\) is not supported") as unsupported:
        at(store, "histogram_count(up)", 0)
    assert unsupported.value.kind == "unsupported"
    with pytest.raises(QueryError, match='invalid parameter "query"') as bad:
        at(store, "up +", 0)
    assert bad.value.kind == "bad_data"
    with pytest.raises(QueryError, match="same labelset"):
        at(world(a=[1], b=[1]), 'abs({__name__=~"a|b"})', 0)


def test_limits() -> None:
    store = world(up=[1.0] * 100)
    small = Evaluation(store, np.array([500_000]), Limits(samples=50))
    with pytest.raises(QueryError, match="too many samples"):
        small.value(parse("sum_over_time(up[10m])"))
    with pytest.raises(QueryError, match="a subquery of"):
        Evaluation(store, np.array([10**9])).value(parse("sum_over_time(up[1w:1ms])"))

    def stop() -> None:
        raise QueryError("query timed out in expression evaluation", "timeout")

    with pytest.raises(QueryError, match="timed out"):
        Evaluation(store, np.array([0]), check=stop).value(parse("up"))


def test_selectors() -> None:
    assert read_matchers('up{a="1", b!~"x|y"}') == (
        Matcher("__name__", "=", "up"), Matcher("a", "=", "1"), Matcher("b", "!~", "x|y"),
    )  # fmt: skip
    with pytest.raises(QueryError, match="is not a series selector"):
        read_matchers("1 + 1")
