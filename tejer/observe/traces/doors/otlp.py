"""OTLP into spans: pure. One reader for protobuf messages and for the Structs of its JSON, which have the same shape.

What can't be kept is left out and told, the rest is kept: OTLP's partial success.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, NamedTuple

from tejer.observe.traces.doors.otlp_messages import message
from tejer.observe.traces.limits import LIMITS, Limits
from tejer.observe.traces.spans import (
    LAST_NS,
    NO_SPAN_ID,
    NO_TRACE_ID,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Attributes,
    Detail,
    Event,
    Link,
    Resource,
    Span,
    Value,
    is_error,
)

UNKNOWN_SERVICE = "unknown_service"
_WORTH_KEEPING = 256
"""Bytes: longer attributes seldom come twice."""
_OVER = 16
"""Reasons that are told of one request."""


class Reading(NamedTuple):
    """What came of a request: `kept`, how many records were refused, and why (a few of the reasons)."""

    kept: list[Any]
    refused: int
    reasons: tuple[str, ...]

    @property
    def message(self) -> str:
        return "; ".join(self.reasons)


def read_spans(request: Any, limits: Limits) -> Reading:
    """`request` is an ExportTraceServiceRequest or a TraceRequest."""
    kept: list[Span] = []
    reasons: list[str] = []
    refused = 0
    for group in request.resource_spans:
        resource = read_resource(group.resource, limits)
        for scoped in group.scope_spans:
            scope = scoped.scope.name[: limits.text]
            for span in scoped.spans:
                problem = _problem(span, limits)
                if problem:
                    refused += 1
                    if len(reasons) < _OVER:
                        reasons.append(f"span {span.name[:80]!r} of {resource.service}: {problem}")
                else:
                    kept.append(_span(span, resource, scope, limits))
    return Reading(kept, refused, tuple(reasons))


def read_resource(resource: Any, limits: Limits) -> Resource:
    attributes = read_attributes(resource.attributes, limits)
    return Resource(str(attributes.get("service.name") or UNKNOWN_SERVICE)[: limits.text], attributes)


def _problem(span: Any, limits: Limits) -> str:
    """Why this span can't be kept; "" where it can."""
    if len(span.trace_id) != TRACE_ID_BYTES or span.trace_id == NO_TRACE_ID:
        return f"trace id {span.trace_id.hex()!r} is not 16 bytes that are not all zero"
    if len(span.span_id) != SPAN_ID_BYTES or span.span_id == NO_SPAN_ID:
        return f"span id {span.span_id.hex()!r} is not 8 bytes that are not all zero"
    if not 0 <= span.start_time_unix_nano <= LAST_NS or not 0 <= span.end_time_unix_nano <= LAST_NS:
        return "its time is past the year 2262"
    size = span.ByteSize() if hasattr(span, "ByteSize") else rough_size(span)
    if size > limits.span:
        return f"it has {size} bytes, more than the {limits.span} that one span may have"
    return ""


def rough_size(message: Any) -> int:
    """Bytes of the texts in a Struct of OTLP's JSON."""
    if isinstance(message, str | bytes):
        return len(message)
    if isinstance(message, list):
        return sum(rough_size(item) for item in message)
    names: tuple[str, ...] = getattr(message, "__struct_fields__", ())
    return sum(rough_size(getattr(message, name)) for name in names)


def _span(span: Any, resource: Resource, scope: str, limits: Limits) -> Span:
    attributes = read_attributes(span.attributes, limits)
    status = span.status.code
    start, parent = span.start_time_unix_nano, bytes(span.parent_span_id)
    return Span(
        bytes(span.trace_id),
        bytes(span.span_id),
        parent if len(parent) == SPAN_ID_BYTES and parent != NO_SPAN_ID else b"",
        resource,
        span.name[: limits.text],
        span.kind if 0 <= span.kind <= 5 else 0,
        start,
        max(0, span.end_time_unix_nano - start),
        is_error(status, attributes),
        Detail(
            attributes,
            _events(span.events, limits) if span.events else (),
            _links(span.links, limits) if span.links else (),
            status,
            span.status.message,
            scope,
            span.trace_state,
        ),
    )


def _events(events: Any, limits: Limits) -> tuple[Event, ...]:
    return tuple(
        Event(min(event.time_unix_nano, LAST_NS), event.name, read_attributes(event.attributes, limits))
        for event in events
    )


def _links(links: Any, limits: Limits) -> tuple[Link, ...]:
    return tuple(
        Link(link.trace_id.hex(), link.span_id.hex(), read_attributes(link.attributes, limits)) for link in links
    )


def read_attributes(pairs: Any, limits: Limits) -> Attributes:
    """By name. Past the limit they are left out, and `otel.dropped_attributes_count` says how many.

    Of protobuf a pair is its bytes, of JSON a Struct. Raises DecodeError for bytes that are no pair.
    """
    dropped = len(pairs) - limits.attributes
    if dropped > 0:
        pairs = pairs[: limits.attributes]
    if isinstance(pairs, list) and pairs and not isinstance(pairs[0], bytes):
        found = {pair.key: read_value(pair.value) for pair in pairs}
    else:
        found = dict([_seen(pair) if len(pair) <= _WORTH_KEEPING else _unpacked(pair) for pair in pairs])
    if dropped > 0:
        found["otel.dropped_attributes_count"] = dropped
    return found


def _unpacked(packed: bytes) -> tuple[str, Value]:
    pair = message("common.v1.KeyValue").FromString(packed)
    return pair.key, read_value(pair.value)


_seen = lru_cache(maxsize=8192)(_unpacked)


def read_value(value: Any, depth: int = LIMITS.depth) -> Value:
    """An AnyValue as plain values; lists and maps deeper than `depth` become a text that says so."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    inner = getattr(value, kind)
    if kind == "bytes_value":
        return base64.b64encode(inner).decode()
    if kind not in ("array_value", "kvlist_value"):
        return inner
    if depth <= 0:
        return "(nested too deep)"
    if kind == "array_value":
        return [read_value(item, depth - 1) for item in inner.values]
    return {pair.key: read_value(pair.value, depth - 1) for pair in inner.values}
