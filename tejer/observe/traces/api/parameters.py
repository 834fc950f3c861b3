"""What both APIs read out of a query string. Pure; ValueError says which parameter is wrong and what it should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tejer.observe.traces.spans import KINDS, LAST_NS

LARGEST_LIMIT = 1500
"""Traces of one search, as jaeger-ui offers."""
_UNITS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
    "h": 3_600_000_000_000, "d": 86_400_000_000_000,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")


def duration_ns(name: str, text: str) -> int:
    """Go's way to write it: `1.2s`, `100ms`, `1h30m`; days too."""
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"{name}: {text[:40]!r} is no duration such as 1.2s, 100ms or 500us")
    return min(sum(int(float(part[1]) * _UNITS[part[2]]) for part in parts), LAST_NS)


def number(name: str, text: str, default: int, least: int = 0, most: int = LAST_NS) -> int:
    """`text` "" gives the default; what is over `most` is refused."""
    if not text:
        return default
    if not re.fullmatch(r"-?\d{1,20}", text) or not least <= int(text) <= most:
        raise ValueError(f"{name}: {text[:40]!r} is not a number from {least} to {most}")
    return int(text)


def timestamp_ns(name: str, text: str) -> int:
    """RFC 3339, as `2026-11-25T08:00:00Z`, exact to the nanosecond."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", text)
    try:
        if match is None:
            raise ValueError
        zone = "+00:00" if match[3] in "Zz" else match[3]
        whole = datetime.fromisoformat(match[1].upper() + zone)
    except ValueError:
        raise ValueError(f"{name}: {text[:40]!r} is no time such as 2026-11-25T08:00:00Z") from None
    seconds = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return max(0, min(seconds * 1_000_000_000 + int((match[2] or "0").ljust(9, "0")), LAST_NS))


def tags_json(name: str, text: str) -> dict[str, str]:
    """A JSON object of tags; numbers and booleans become text."""
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{name}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f'{name}: want an object such as {{"http.status_code":"503"}}')
    return {str(key): _tag_text(name, str(key), value) for key, value in found.items()}


def _tag_text(name: str, key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{name}: the value of {key[:80]!r} is not a text, number or boolean")


def tags_pairs(name: str, pairs: Iterable[str]) -> dict[str, str]:
    """`key:value` each."""
    found = {}
    for pair in pairs:
        key, colon, value = pair.partition(":")
        if not colon or not key:
            raise ValueError(f"{name}: {pair[:80]!r} is not key:value")
        found[key] = value
    return found


def kind_number(name: str, text: str) -> int | None:
    """`server`, `SPAN_KIND_SERVER` or "" for any."""
    word = text.lower().removeprefix("span_kind_")
    if not word:
        return None
    if word not in KINDS:
        raise ValueError(f"{name}: {text[:40]!r} is none of {', '.join(KINDS)}")
    return KINDS.index(word)


def first_of(query: Mapping[str, str], *names: str) -> str:
    """The first parameter that is given: v3 takes `query.service_name` and `query.serviceName`."""
    return next((query[name] for name in names if query.get(name)), "")
