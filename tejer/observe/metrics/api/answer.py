"""The envelope of every answer of the HTTP API. Source: prometheus.io/docs "HTTP API", Format overview."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
from aiohttp import web

_encode = msgspec.json.Encoder().encode


def success(data: Any, warnings: tuple[str, ...] = ()) -> web.Response:
    body = {"status": "success", "data": data}
    if warnings:
        body["warnings"] = list(warnings)
    return web.Response(body=_encode(body), content_type="application/json")


def bad_data(message: str) -> web.Response:
    return failure(400, "bad_data", message)


def failure(status: int, kind: str, message: str) -> web.Response:
    body = {"status": "error", "errorType": kind, "error": message}
    return web.Response(status=status, body=_encode(body), content_type="application/json")


def moment(milliseconds: int) -> str:
    """RFC 3339 as Go writes it; 0 is Go's zero time, which clients read as "never"."""
    if not milliseconds:
        return "0001-01-01T00:00:00Z"
    time = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def count(text: str, name: str) -> int | None:
    """A query parameter that counts; None where it is absent. Raises ValueError."""
    if not text:
        return None
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"{name} must be a number, not {text[:40]!r}")
    return int(text)
