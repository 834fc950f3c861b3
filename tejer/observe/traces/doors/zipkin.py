"""Zipkin's door, :9411: `POST /api/v2/spans` with Zipkin's v2 JSON, as Envoy's and Istio's `zipkin` provider sends it.

Source: zipkin-api, zipkin2-api.yaml. B3's trace ids of 64 bit get zeros on the left. Zipkin has no partial success: a
span that can't be kept is left out, the rest is kept, and the answer is still 202 with the reasons as its text.
"""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import hdrs, web

from tejer.observe.traces.doors.body import BadBody, read_body
from tejer.observe.traces.doors.intake import SPANS, Busy, Intake
from tejer.observe.traces.doors.otlp import UNKNOWN_SERVICE, Reading, rough_size
from tejer.observe.traces.limits import Limits
from tejer.observe.traces.spans import (
    INTERNAL,
    KINDS,
    LAST_NS,
    SPAN_ID_BYTES,
    Detail,
    Event,
    Resource,
    Span,
    is_error,
    trace_id_of,
)
from tejer.observe.traces.store.writer import StoreError

DOOR = "zipkin"


class Endpoint(msgspec.Struct, rename="camel", gc=False):
    service_name: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    port: int | None = None


class Annotation(msgspec.Struct, gc=False):
    timestamp: int = 0
    value: str = ""


class ZipkinSpan(msgspec.Struct, rename="camel", gc=False):
    """Times in microseconds, ids in hex."""

    trace_id: str
    id: str
    parent_id: str | None = None
    name: str | None = None
    kind: str | None = None
    timestamp: int | None = None
    duration: int | None = None
    local_endpoint: Endpoint | None = None
    remote_endpoint: Endpoint | None = None
    annotations: list[Annotation] | None = None
    tags: dict[str, str] | None = None
    shared: bool | None = None


_decode = msgspec.json.Decoder(list[ZipkinSpan], strict=False).decode


def zipkin_routes(intake: Intake) -> list[web.RouteDef]:
    async def on_post(request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            text = (
                f"Content-Type {request.content_type[:80]!r} is not supported: send Zipkin's v2 JSON, or OTLP on 4318"
            )
            return web.Response(status=415, text=text)
        try:
            with intake.holding() as hold:
                body = await read_body(request, intake.limits, hold)
                reading = await intake.decode(len(body), lambda: read_zipkin(body, intake.limits))
                await intake.take(DOOR, SPANS, reading)
        except BadBody as error:
            return web.Response(status=error.status, text=str(error))
        except ValueError as error:
            return web.Response(status=400, text=f"not Zipkin's v2 JSON: {error}")
        except (Busy, StoreError) as error:
            return web.Response(status=503, text=str(error), headers={hdrs.RETRY_AFTER: "5"})
        return web.Response(status=202, text=reading.message)

    async def on_v1(_: web.Request) -> web.StreamResponse:
        return web.Response(status=410, text="Zipkin's v1 is not taken: send v2 JSON to /api/v2/spans, or OTLP")

    return [web.post("/api/v2/spans", on_post), web.post("/api/v1/spans", on_v1)]


def read_zipkin(body: bytes, limits: Limits) -> Reading:
    """Raises ValueError that names the field."""
    kept: list[Span] = []
    reasons: list[str] = []
    refused = 0
    resources: dict[tuple[str, str], Resource] = {}
    for span in _decode(body):
        try:
            kept.append(_span(span, resources, limits))
        except ValueError as error:
            refused += 1
            if len(reasons) < 16:
                reasons.append(f"span {(span.name or '')[:80]!r}: {error}")
    return Reading(kept, refused, tuple(reasons))


def _span(span: ZipkinSpan, resources: dict[tuple[str, str], Resource], limits: Limits) -> Span:
    """Raises ValueError for a span that can't be kept."""
    start, duration = (span.timestamp or 0) * 1000, (span.duration or 0) * 1000
    if not 0 <= start <= LAST_NS or not 0 <= duration <= LAST_NS - start:
        raise ValueError("its time is before 1970 or past the year 2262")
    if (size := _size(span)) > limits.span:
        raise ValueError(f"it has {size} bytes, more than the {limits.span} that one span may have")
    local = span.local_endpoint or Endpoint()
    address = local.ipv4 or local.ipv6 or ""
    service = (local.service_name or UNKNOWN_SERVICE)[: limits.text]
    resource = resources.get((service, address))
    if resource is None:
        known = {"service.name": service} | ({"net.host.ip": address} if address else {})
        resource = resources[service, address] = Resource(service, known)
    tags: dict[str, Any] = dict(list((span.tags or {}).items())[: limits.attributes])
    for key, value in _peer(span.remote_endpoint):
        tags.setdefault(key, value)
    kind = (span.kind or "").lower()
    return Span(
        trace_id_of(span.trace_id), _id(span.id), _id(span.parent_id) if span.parent_id else b"", resource,
        (span.name or "")[: limits.text], KINDS.index(kind) if kind in KINDS[2:] else INTERNAL, start, duration,
        is_error(0, tags),
        Detail(
            tags, tuple(Event(min(one.timestamp * 1000, LAST_NS), one.value) for one in span.annotations or ()),
            shared=bool(span.shared),
        ),
    )  # fmt: skip


def _size(span: ZipkinSpan) -> int:
    tags = span.tags or {}
    return rough_size([*tags, *tags.values(), *(one.value for one in span.annotations or ())])


def _peer(remote: Endpoint | None) -> list[tuple[str, Any]]:
    """As OpenTelemetry's collector names them."""
    if remote is None:
        return []
    pairs = (
        ("peer.service", remote.service_name), ("net.peer.ip", remote.ipv4 or remote.ipv6),
        ("net.peer.port", remote.port),
    )  # fmt: skip
    return [(key, value) for key, value in pairs if value]


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.rjust(2 * SPAN_ID_BYTES, "0"))
    except ValueError:
        found = b""
    if len(found) != SPAN_ID_BYTES or not any(found):
        raise ValueError(f"{text[:40]!r} is not a span id of up to 16 hex digits")
    return found
