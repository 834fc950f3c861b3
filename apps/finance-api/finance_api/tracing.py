"""A span for each query to PostgreSQL, in the trace that the mesh began. Off without OTEL_EXPORTER_OTLP_ENDPOINT.

The sidecars make the spans of HTTP; only the service itself knows which request a query belongs to. A request that the
mesh has chosen brings `traceparent` (W3C Trace Context); its queries are reported by OTLP over HTTP, in batches, and
given up where the collector can't be reached: tracing never makes a request wait or fail.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from fastapi import Request, Response

log = logging.getLogger("finance_api.tracing")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_UNSAMPLED = "00-{}-{}-00"
MOST_SPANS = 1000
"""Waiting to be sent; more are dropped."""
EVERY_SECONDS, PAUSE_SECONDS = 1.0, 30.0


class Parent(NamedTuple):
    """The span that a request belongs to, in hexadecimal."""

    trace: str
    span: str


_current: ContextVar[Parent | None] = ContextVar("parent", default=None)


def parent_of(traceparent: str) -> Parent | None:
    """None for a request that nobody traces."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return Parent(match[1], match[2]) if match and int(match[3], 16) & 1 else None


async def follow(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Middleware: queries made for this request are spans of its trace."""
    token = _current.set(parent_of(request.headers.get("traceparent", "")))
    try:
        return await call_next(request)
    finally:
        _current.reset(token)


class Tracer:
    """`endpoint` is the collector's address, such as http://jaeger-collector.istio-system:4318."""

    def __init__(self, endpoint: str, service: str) -> None:
        self._url, self._service = f"{endpoint.rstrip('/')}/v1/traces", service
        self._spans: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_SPANS)

    def query(self, record: Any) -> None:
        """asyncpg's query logger. Values are not reported, only the statement with its parameters' places."""
        if (parent := _current.get()) is not None and not self._spans.full():
            self._spans.put_nowait(span_of(record, parent, time.time_ns()))

    async def run(self) -> None:
        """Send what has gathered, until cancelled."""
        while True:
            spans = [await self._spans.get()]
            await asyncio.sleep(EVERY_SECONDS)
            while not self._spans.empty():
                spans.append(self._spans.get_nowait())
            try:
                await asyncio.to_thread(self._send, spans)
            except (OSError, ValueError) as error:
                log.info("%d spans not sent to %s: %s", len(spans), self._url, error)
                await asyncio.sleep(PAUSE_SECONDS)

    def _send(self, spans: list[dict[str, Any]]) -> None:
        service = {"key": "service.name", "value": {"stringValue": self._service}}
        scope = {"scope": {"name": "finance_api"}, "spans": spans}
        body = json.dumps({"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [scope]}]}).encode()
        # The report itself is not to be traced.
        untraced = _UNSAMPLED.format(secrets.token_hex(16), secrets.token_hex(8))
        headers = {"content-type": "application/json", "traceparent": untraced}
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - an address of the operator's
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            pass


def span_of(record: Any, parent: Parent, now: int) -> dict[str, Any]:
    """An OTLP span of an asyncpg LoggedQuery that ended at `now` (ns)."""
    statement = " ".join(record.query.split())
    attributes = {"db.system": "postgresql", "db.statement": statement, "peer.service": "postgres"}
    span: dict[str, Any] = {
        "traceId": parent.trace, "spanId": secrets.token_hex(8), "parentSpanId": parent.span, "kind": 3,
        "name": f"postgres {statement.split(' ', 1)[0]}",
        "startTimeUnixNano": str(now - int(record.elapsed * 1e9)), "endTimeUnixNano": str(now),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }  # fmt: skip
    if record.exception is not None:
        span["status"] = {"code": 2, "message": type(record.exception).__name__}
    return span
