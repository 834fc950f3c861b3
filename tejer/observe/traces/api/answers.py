"""How all APIs of this server answer: JSON in the API's own envelope, and each failure under its HTTP status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec
from aiohttp import web

from tejer.observe.traces.store.store import QueryTooLong
from tejer.observe.traces.store.writer import StoreError

Answer: TypeAlias = Callable[[web.Request], Awaitable[Any]]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotFound(Exception):
    """What was asked for by name is not there."""


class Envelope(NamedTuple):
    """What an API puts around an answer, and around a failure (status, text)."""

    success: Callable[[Any], Any]
    failure: Callable[[int, str], Any]


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (ValueError, 400), (NotFound, 404), (StoreError, 503), (QueryTooLong, 504),
)  # fmt: skip


def answering(envelope: Envelope, answer: Answer) -> Handler:
    async def on_request(request: web.Request) -> web.StreamResponse:
        try:
            return json_response(envelope.success(await answer(request)), 200)
        except tuple(kind for kind, _ in _STATUS) as error:
            status = next(status for kind, status in _STATUS if isinstance(error, kind))
            return json_response(envelope.failure(status, str(error)), status)

    return on_request


def refusing(envelope: Envelope, status: int, why: str) -> Handler:
    """For what this server does not do: it says so."""

    async def on_request(_: web.Request) -> web.StreamResponse:
        return json_response(envelope.failure(status, why), status)

    return on_request


def json_response(body: Any, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
