"""Spans as they are kept and shown, whichever protocol they came by. Immutable.

Times are integer nanoseconds since 1970, ids are bytes: 16 of a trace (B3's 64-bit ids padded with zeros on the left),
8 of a span. Names and numbers of kinds and statuses are OpenTelemetry's (opentelemetry/proto/trace/v1/trace.proto).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

Value: TypeAlias = Any
"""str, bool, int, float, or lists and dicts of those: what an attribute may hold. Bytes are kept as base64 text."""
Attributes: TypeAlias = Mapping[str, Value]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""A kind's number is its place here."""
INTERNAL, SERVER, CLIENT = 1, 2, 3
STATUS_UNSET, STATUS_OK, STATUS_ERROR = 0, 1, 2
TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8
LAST_NS = (1 << 63) - 1
"""What SQLite can keep: the year 2262."""
NO_TRACE_ID, NO_SPAN_ID = bytes(TRACE_ID_BYTES), bytes(SPAN_ID_BYTES)


class Resource(msgspec.Struct, frozen=True, gc=False):
    """Who made a span: `service` is what traces are searched by (`app.namespace` for the mesh's proxies)."""

    service: str
    attributes: Attributes = {}


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that happened at one moment of a span."""

    time_ns: int
    name: str
    attributes: Attributes = {}


class Link(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Another span this one belongs to, though it is not its child. Ids are in hex."""

    trace_id: str
    span_id: str
    attributes: Attributes = {}


class Detail(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a search by index does not look at: one JSON column."""

    attributes: Attributes = {}
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    status: int = STATUS_UNSET
    status_message: str = ""
    scope: str = ""
    trace_state: str = ""
    shared: bool = False
    """Zipkin's: the server reports under the span id of its client (B3 as Envoy speaks it)."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """One piece of work. `parent_id` is empty for a root."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    resource: Resource
    name: str
    kind: int
    start_ns: int
    duration_ns: int
    error: bool
    detail: Detail

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


def is_error(status: int, attributes: Attributes) -> bool:
    """By its status, or by the tag `error` that Zipkin's tracers and OpenTracing set."""
    return status == STATUS_ERROR or attributes.get("error") not in (None, False, "", "false")


def trace_id_of(text: str) -> bytes:
    """A trace id of 1 to 32 hex digits, as users and B3 write them. Raises ValueError."""
    if not 0 < len(text) <= 32:
        raise ValueError(f"{text[:40]!r} is not a trace id: want 1 to 32 hex digits")
    try:
        return bytes.fromhex(text.rjust(32, "0"))
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a trace id: want 1 to 32 hex digits") from None
