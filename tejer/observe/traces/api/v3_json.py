"""Traces as OTLP's JSON, and their summaries, as Jaeger's v3 API has them. Pure. 64-bit numbers are texts.

Source: jaeger-idl, api_v3/query_service.proto; OTLP specification, JSON encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tejer.observe.traces.arrange import Placed, Trace, services_of
from tejer.observe.traces.spans import Resource, Span, Value


def resource_spans(traces: Iterable[Trace]) -> dict[str, Any]:
    """`{"resourceSpans": [...]}`: an OTLP export request of these traces."""
    return _grouped(one for trace in traces for one in trace.placed)


def _grouped(placed: Iterable[Placed]) -> dict[str, Any]:
    groups: dict[int, dict[str, Any]] = {}
    scopes: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for one in placed:
        resource, scope = one.span.resource, one.span.detail.scope
        if id(resource) not in groups:
            groups[id(resource)] = {"resource": {"attributes": _resource_pairs(resource)}, "scopeSpans": []}
        key = (id(resource), scope)
        if key not in scopes:
            scopes[key] = []
            group = {"scope": {"name": scope} if scope else {}, "spans": scopes[key]}
            groups[id(resource)]["scopeSpans"].append(group)
        scopes[key].append(_span(one))
    return {"resourceSpans": list(groups.values())}


def _resource_pairs(resource: Resource) -> list[dict[str, Any]]:
    """The service's name is always among them."""
    return pairs({"service.name": resource.service, **resource.attributes})


def export_request(spans: Iterable[Span]) -> dict[str, Any]:
    """Spans as they came, for another collector."""
    return _grouped(Placed(span, None, ()) for span in spans)


def summary(trace: Trace) -> dict[str, Any]:
    """What a list of traces shows of one."""
    return {
        "traceId": trace.trace_id.hex(),
        "rootServiceName": trace.root.resource.service,
        "rootOperationName": trace.root.name,
        "minStartTimeUnixNano": str(trace.start_ns),
        "maxEndTimeUnixNano": str(trace.end_ns),
        "spanCount": len(trace.placed),
        "errorSpanCount": sum(one.span.error for one in trace.placed),
        "orphanSpanCount": sum(one.orphan for one in trace.placed),
        "services": [
            {"name": name, "spanCount": counts.spans, "errorSpanCount": counts.errors}
            for name, counts in services_of(trace).items()
        ],
    }


def _span(one: Placed) -> dict[str, Any]:
    span, detail = one.span, one.span.detail
    found: dict[str, Any] = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_id.hex(),
        "traceState": detail.trace_state,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": pairs(detail.attributes) + _warnings(one),
        "events": [
            {"timeUnixNano": str(event.time_ns), "name": event.name, "attributes": pairs(event.attributes)}
            for event in detail.events
        ],
        "links": [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": pairs(link.attributes)}
            for link in detail.links
        ],
        "status": {
            name: value for name, value in (("code", detail.status), ("message", detail.status_message)) if value
        },
    }
    return {name: value for name, value in found.items() if value or name in ("status", "attributes")}


def _warnings(one: Placed) -> list[dict[str, Any]]:
    """Jaeger v2 keeps them in this attribute."""
    if not one.warnings:
        return []
    return [{"key": "@jaeger@warnings", "value": any_value(list(one.warnings))}]


def pairs(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]


def any_value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": "" if value is None else str(value)}
