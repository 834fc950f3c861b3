"""A trace as Jaeger's v1 JSON: microseconds, tags with types, processes by key. Pure.

Source: jaeger, model/json/model.go (package internal/uimodel since v2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tejer.observe.traces.arrange import Placed, Trace
from tejer.observe.traces.spans import KINDS, STATUS_ERROR, STATUS_OK, Attributes, Value


def trace_json(trace: Trace) -> dict[str, Any]:
    processes: dict[int, tuple[str, dict[str, Any]]] = {}
    for one in trace.placed:
        resource = one.span.resource
        if id(resource) not in processes:
            tags = [tag(key, value) for key, value in resource.attributes.items() if key != "service.name"]
            processes[id(resource)] = (
                f"p{len(processes) + 1}", {"serviceName": resource.service, "tags": tags},
            )  # fmt: skip
    return {
        "traceID": trace_id_text(trace.trace_id),
        "spans": [_span(one, processes[id(one.span.resource)][0]) for one in trace.placed],
        "processes": dict(processes.values()),
        "warnings": list(trace.warnings) or None,
    }


def trace_id_text(trace_id: bytes) -> str:
    """64-bit ids in 16 digits, as Jaeger's v1 writes them and as their tracers log them."""
    text = trace_id.hex()
    return text[16:] if text.startswith("0" * 16) else text


def _span(one: Placed, process: str) -> dict[str, Any]:
    span, detail = one.span, one.span.detail
    trace = trace_id_text(span.trace_id)
    references = [{"refType": "CHILD_OF", "traceID": trace, "spanID": span.parent_id.hex()}] if span.parent_id else []
    references += [
        {"refType": "FOLLOWS_FROM", "traceID": trace_id_text(bytes.fromhex(link.trace_id)), "spanID": link.span_id}
        for link in detail.links
    ]
    return {
        "traceID": trace,
        "spanID": span.span_id.hex(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_ns // 1000,
        "duration": span.duration_ns // 1000,
        "tags": [tag(key, value) for key, value in all_tags(one).items()],
        "logs": [
            {"timestamp": event.time_ns // 1000, "fields": _fields(event.name, event.attributes)}
            for event in detail.events
        ],
        "processID": process,
        "warnings": list(one.warnings) or None,
    }


def all_tags(one: Placed) -> Attributes:
    """The attributes, and what OpenTelemetry has fields for and Jaeger tags."""
    span, detail = one.span, one.span.detail
    extra: dict[str, Value] = {}
    if span.kind:
        extra["span.kind"] = KINDS[span.kind]
    if span.error and "error" not in detail.attributes:
        extra["error"] = True
    if detail.status in (STATUS_OK, STATUS_ERROR):
        extra["otel.status_code"] = "OK" if detail.status == STATUS_OK else "ERROR"
    for name, value in (
        ("otel.status_description", detail.status_message),
        ("otel.scope.name", detail.scope),
        ("w3c.tracestate", detail.trace_state),
    ):
        if value:
            extra[name] = value
    return {**detail.attributes, **extra}


def _fields(name: str, attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    named = [tag("event", name)] if name else []
    return named + [tag(key, value) for key, value in attributes.items()]


def tag(key: str, value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "type": "bool", "value": value}
    if isinstance(value, int):
        return {"key": key, "type": "int64", "value": value}
    if isinstance(value, float):
        return {"key": key, "type": "float64", "value": value}
    if isinstance(value, str):
        return {"key": key, "type": "string", "value": value}
    return {"key": key, "type": "string", "value": msgspec.json.encode(value).decode()}
