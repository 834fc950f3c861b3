"""Parameters of queries, as Prometheus's HTTP API takes them: in the URL or in a form. Times become milliseconds."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable

from aiohttp import web
from multidict import MultiDict

from tejer.observe.metrics.promql.vectors import QueryError
from tejer.observe.metrics.scalars import parse_milliseconds

_FURTHEST = 2**53
EVER = (-_FURTHEST, _FURTHEST)
"""From the first moment to the last."""


class Parameters:
    """What was asked; later values of a name don't replace earlier ones (`match[]` may come many times)."""

    def __init__(self, given: MultiDict[str]) -> None:
        self._given = given

    def text(self, name: str, default: str = "") -> str:
        return self._given.get(name, default)

    def all(self, name: str) -> list[str]:
        return self._given.getall(name, [])

    def time(self, name: str, default: int) -> int:
        """Unix seconds or RFC 3339. Raises QueryError."""
        text = self._given.get(name, "")
        return _named(name, read_time, text) if text else default

    def duration(self, name: str) -> int | None:
        """Seconds, or a duration such as 15s. Raises QueryError."""
        text = self._given.get(name, "")
        return _named(name, read_duration, text) if text else None

    def needed(self, name: str) -> str:
        if not (text := self._given.get(name, "")):
            raise QueryError(f'invalid parameter "{name}": it is missing', "bad_data")
        return text

    def limit(self) -> int | None:
        text = self._given.get("limit", "")
        if text and not text.isdecimal():
            raise QueryError(f'invalid parameter "limit": {text[:40]!r} is not a number', "bad_data")
        return int(text) or None if text else None


async def parameters(request: web.Request) -> Parameters:
    given: MultiDict[str] = MultiDict(request.query)
    if request.method == "POST":
        given.extend((name, str(value)) for name, value in (await request.post()).items())
    return Parameters(given)


def read_time(text: str) -> int:
    """Raises ValueError."""
    try:
        return _whole(float(text))
    except ValueError:
        pass
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"cannot parse {text[:60]!r} to a valid timestamp") from None
    if moment.tzinfo is None:
        raise ValueError(f"cannot parse {text[:60]!r} to a valid timestamp: it has no time zone")
    return _whole(moment.timestamp())


def read_duration(text: str) -> int:
    """Raises ValueError."""
    try:
        return _whole(float(text))
    except ValueError:
        pass
    try:
        return parse_milliseconds(text)
    except ValueError:
        raise ValueError(f"cannot parse {text[:60]!r} to a valid duration") from None


def _whole(seconds: float) -> int:
    if not math.isfinite(seconds) or abs(seconds) * 1000 > _FURTHEST:
        raise ValueError(f"cannot parse {seconds!r}: it is out of range")
    return round(seconds * 1000)


def _named(name: str, read: Callable[[str], int], text: str) -> int:
    try:
        return read(text)
    except ValueError as error:
        raise QueryError(f'invalid parameter "{name}": {error}', "bad_data") from None
