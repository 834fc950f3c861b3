"""Ranges and steps as Grafana has them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tejer.observe.dashboards.timing import MAX_POINTS, Range, aligned, duration, moment, pace, spell, time_range

NOON = int(datetime(2026, 3, 5, 12, 30, 15, tzinfo=UTC).timestamp() * 1000)


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "end", "found"),
    [
        ("now", False, NOON), ("now-15m", False, NOON - 900_000), ("now+1h", False, NOON + 3_600_000),
        ("1700000000000", False, 1_700_000_000_000), ("2026-01-02T03:04:05Z", False, at(2026, 1, 2, 3, 4, 5)),
        ("now/d", False, at(2026, 3, 5)), ("now/d", True, at(2026, 3, 6) - 1), ("now-1d/d", False, at(2026, 3, 4)),
        ("now/w", False, at(2026, 3, 2)), ("now/M", True, at(2026, 4, 1) - 1), ("now/h", False, at(2026, 3, 5, 12)),
        ("now/y", False, at(2026, 1, 1)),
    ],
)  # fmt: skip
def test_moments(text: str, end: bool, found: int) -> None:
    assert moment(text, NOON, end=end) == found


@pytest.mark.parametrize("text", ["", "yesterday", "now-", "now-1x", "9" * 30])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        moment(text, NOON)


def test_a_range_must_go_forward() -> None:
    with pytest.raises(ValueError, match="is empty"):
        time_range("now", "now-1h", NOON)


@pytest.mark.parametrize(
    ("span", "points", "minimum", "step", "rate"),
    [
        (3_600_000, 1000, "", 15_000, 60_000),  # the scrape interval is the least
        (86_400_000, 1000, "", 60_000, 75_000),  # 86.4 s is rounded to a minute
        (3_600_000, 1000, "1m", 60_000, 75_000),
        (30 * 86_400_000, 10, "", 259_200_000 // 3 * 1, 86_415_000),
    ],
)
def test_steps(span: int, points: int, minimum: str, step: int, rate: int) -> None:
    found = pace(Range(0, span), points, minimum)
    assert (found.step, found.rate_interval) == (step, rate)


@given(st.integers(1, 10**13), st.integers(1, 4000))
def test_a_query_never_asks_for_more_points_than_prometheus_gives(length: int, points: int) -> None:
    span = Range(10**12, 10**12 + length)
    step = pace(span, points).step
    asked = aligned(span, step)
    assert (asked.end - asked.start) // step <= MAX_POINTS
    assert asked.start % step == asked.end % step == 0


@given(st.integers(1, 10**9))
def test_durations_are_read_back(milliseconds: int) -> None:
    assert duration(spell(milliseconds)) == milliseconds


def test_durations() -> None:
    assert [duration(text) for text in ("1h30m", ">10s", "1.5m", "", "5", "x", "-3s")] == [
        5_400_000, 10_000, 90_000, None, None, None, None,
    ]  # fmt: skip
