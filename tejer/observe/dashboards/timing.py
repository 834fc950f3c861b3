"""Times and steps as Grafana computes them: relative ranges, a query's step, `$__interval`, `$__rate_interval`.

Sources: grafana.com/docs/grafana/latest/dashboards/use-dashboards (time units), the documentation of its Prometheus
data source ($__rate_interval), and Prometheus' limit of 11,000 points. Milliseconds throughout. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
_UNITS = {
    "ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "M": 30 * DAY, "Q": 91 * DAY, "y": 365 * DAY,
}  # fmt: skip
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|[smhdwMQy])")
_RELATIVE = re.compile(r"now(?:([-+])(\d{1,6})([smhdwMQy]))?(?:/([smhdwMQy]|fw|fM))?")
_DEFAULT_SCRAPE = 15 * SECOND
MAX_POINTS = 11_000
"""Prometheus refuses range queries with more points for each series."""
_ROUND_STEPS = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1_500, SECOND), (3_500, 2_000),
    (7_500, 5_000), (12_500, 10_000), (17_500, 15_000), (25_000, 20_000), (45_000, 30_000), (90_000, MINUTE),
    (210_000, 120_000), (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000),
    (2_700_000, 1_800_000), (5_400_000, HOUR), (9_000_000, 2 * HOUR), (16_200_000, 3 * HOUR), (32_400_000, 6 * HOUR),
    (DAY, 12 * HOUR), (7 * DAY, DAY), (21 * DAY, 7 * DAY), (42 * DAY, 30 * DAY),
)  # fmt: skip
"""(below, becomes): an interval up to the first is rounded to the second, so steps stay the same while one zooms."""


class Range(NamedTuple):
    """What a dashboard shows: from `start` to `end`, milliseconds since 1970."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Pace(NamedTuple):
    """The steps of one query, in milliseconds: `step` between its points, and what the two variables stand for."""

    step: int
    interval: int
    rate_interval: int


def duration(text: str) -> int | None:
    """`1h30m`, `15s`, `>10s` → milliseconds; None for anything else."""
    text = text.strip().removeprefix(">").removeprefix("=").strip()
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        return None
    total = sum(float(part.group(1)) * _UNITS[part.group(2)] for part in parts)
    return int(total) if 0 < total < 100 * 365 * DAY else None


def spell(milliseconds: int) -> str:
    """The shortest duration that PromQL reads: `15s`, `5m`, `1500ms`."""
    for unit in ("d", "h", "m", "s"):
        if milliseconds % _UNITS[unit] == 0 and milliseconds:
            return f"{milliseconds // _UNITS[unit]}{unit}"
    return f"{milliseconds}ms"


def moment(text: str, now: int, *, end: bool = False) -> int:
    """`now-6h`, `now/d`, milliseconds, or an ISO date → milliseconds. Raises ValueError saying what can be written.

    `end` rounds up: `now/d` as the end of a range is the end of today (UTC).
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,15}", text):
        return int(text)
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f'"{text[:60]}" is no time: write now-1h, milliseconds since 1970 or an ISO date'
            ) from None
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    sign, count, unit, rounding = relative.groups()
    shift = int(count) * _UNITS[unit] * (-1 if sign == "-" else 1) if count else 0
    return max(0, _rounded(now + shift, rounding, end) if rounding else now + shift)


def time_range(start: str, end: str, now: int) -> Range:
    """Raises ValueError when one is no time, or they stand the wrong way round."""
    found = Range(moment(start, now), moment(end, now, end=True))
    if found.length <= 0:
        raise ValueError(f"the range from {start[:60]} to {end[:60]} is empty")
    return found


def _rounded(at: int, unit: str, end: bool) -> int:
    then = datetime.fromtimestamp(at / 1000, UTC)
    midnight = then.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in ("s", "m", "h"):
        size = _UNITS[unit]
        return at - at % size + (size - 1 if end else 0)
    if unit == "d":
        start, after = midnight, midnight + timedelta(days=1)
    elif unit == "w":
        start = midnight - timedelta(days=midnight.weekday())
        after = start + timedelta(days=7)
    elif unit in ("M", "fM"):
        start = midnight.replace(day=1)
        after = (start + timedelta(days=32)).replace(day=1)
    else:
        start = midnight.replace(month=1, day=1)
        after = start.replace(year=start.year + 1)
    return int(after.timestamp() * 1000) - 1 if end else int(start.timestamp() * 1000)


def rounded_interval(milliseconds: float) -> int:
    """The nearest of the steps that Grafana allows."""
    place = bisect_right([below for below, _ in _ROUND_STEPS], milliseconds)
    return _ROUND_STEPS[place][1] if place < len(_ROUND_STEPS) else 365 * DAY


def pace(span: Range, points: int, minimum: str = "", *, scrape: int = _DEFAULT_SCRAPE, factor: int = 1) -> Pace:
    """The steps of a query drawn `points` wide. `minimum` is the panel's or the query's least interval.

    `$__rate_interval` is at least four scrapes, so that a rate over it always has two samples to compare.
    """
    least = duration(minimum) or scrape
    interval = max(rounded_interval(span.length / max(points, 1)), least)
    step = max(interval * max(factor, 1), -(-span.length // MAX_POINTS))
    return Pace(step, interval, max(step + scrape, 4 * scrape))


def aligned(span: Range, step: int) -> Range:
    """The range on whole steps, so that the same points are asked for again at the next refresh."""
    return Range(span.start - span.start % step, span.end - span.end % step)
