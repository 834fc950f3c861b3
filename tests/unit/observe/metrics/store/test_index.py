import pytest
from hypothesis import given
from hypothesis import strategies as st

from tejer.observe.metrics.series import Labels, Matcher
from tejer.observe.metrics.store.index import SeriesIndex
from tejer.observe.metrics.store.matching import acceptor, choose, matching

_LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", "xy"]), max_size=3).map(
    lambda found: tuple(sorted({"__name__": "m", **found}.items()))
)
_MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["", "x", "y", "x.*", ".*", ".+", "x|y", "(x|)", "z"]),
)


def find(index: SeriesIndex, *matchers: Matcher) -> list[int]:
    found: list[int] = index.find([choose(matcher, index.values_of(matcher)) for matcher in matchers]).tolist()
    return found


@given(st.lists(_LABELS, unique=True), st.lists(_MATCHERS, max_size=3))
def test_the_index_finds_what_looking_at_each_series_finds(series: list[Labels], matchers: list[Matcher]) -> None:
    index = SeriesIndex()
    numbers = [index.add(labels) for labels in series]
    assert find(index, *matchers) == [numbers[i] for i in matching(series, matchers)]


def test_forgotten_series_are_not_found_and_their_numbers_not_used_again() -> None:
    index = SeriesIndex()
    first, second = index.add((("a", "1"),)), index.add((("a", "2"),))
    index.keep([second])
    assert find(index) == [second]
    assert find(index, Matcher("a", "=~", "1|2")) == [second]
    assert index.add((("a", "1"),)) not in (first, second)


def test_restored_series_have_their_numbers() -> None:
    index = SeriesIndex()
    index.restore({5: (("a", "1"),), 2: (("a", "2"),)})
    assert index.add((("a", "1"),)) == 5
    assert index.add((("a", "3"),)) == 6
    assert find(index, Matcher("a", "=", "2")) == [2]


@pytest.mark.parametrize(
    ("op", "value", "yes", "no"),
    [
        ("=~", "a|b", ["a", "b"], ["ab", ""]),
        ("=~", "a.c", ["abc", "a\nc"], ["xabc", "abcx"]),
        ("!~", "a.*", ["", "b"], ["a", "ab"]),
        ("=~", ".+", ["x"], [""]),
        ("=~", r"(?i)GET", ["get", "GET"], ["gets"]),
        ("=~", r"^.+\.N\..+$", ["a.N.b"], ["a.M.b"]),
    ],
)
def test_matchers(op: str, value: str, yes: list[str], no: list[str]) -> None:
    accepts = acceptor(Matcher("l", op, value))
    assert [accepts(text) for text in yes] == [True] * len(yes)
    assert [accepts(text) for text in no] == [False] * len(no)


def test_a_bad_expression_is_named() -> None:
    with pytest.raises(ValueError, match=r"'\(' is not a regular expression"):
        acceptor(Matcher("a", "=~", "("))
    with pytest.raises(ValueError, match="at most 10000"):
        acceptor(Matcher("a", "=~", "x" * 10_001))


def test_an_expression_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tejer.observe.metrics.store.matching.SECONDS", 0.2)
    accepts = acceptor(Matcher("a", "=~", "(a|aa|a?)+$"))
    for _ in range(2):
        with pytest.raises(TimeoutError):
            accepts("a" * 40 + "b")


def test_cardinality() -> None:
    index = SeriesIndex()
    index.add((("__name__", "up"), ("job", "a")))
    index.add((("__name__", "up"), ("job", "b")))
    tables = index.cardinality()
    assert tables["seriesCountByMetricName"] == {"up": 2}
    assert tables["labelValueCountByLabelName"] == {"__name__": 1, "job": 2}
    assert tables["seriesCountByLabelValuePair"]["job=a"] == 1
    assert index.pairs == 3
