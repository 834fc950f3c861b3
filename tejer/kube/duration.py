"""Durations as Go and protobuf's JSON write them: `1h30m`, `250ms`, `0.5s`."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> float:
    """Seconds of a duration; "" is 0. Raises ValueError with what is expected."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body in ("", "0"):
        return 0.0
    total, end = 0.0, 0
    for part in _PART.finditer(body):
        if part.start() != end:
            break
        total, end = total + float(part[1]) * _UNITS[part[2]], part.end()
    if end != len(body):
        raise ValueError(f"{text!r} is not a duration: write a number and a unit, such as 5s, 250ms or 1h30m")
    return -total if text.startswith("-") else total


def format_duration(seconds: float) -> str:
    """The shortest such text for `seconds`, to the millisecond: 0.25 -> `250ms`, 90 -> `90s`."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
