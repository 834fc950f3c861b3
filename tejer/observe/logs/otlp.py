"""OTLP log records into ours: pure. Finds the trace, the request and the workload that a record is about.

Envoy writes the trace into the record itself. The request id comes as an attribute (Telemetry's labels name it), in a
JSON body, or in the text format of Istio as the only quoted UUID. The workload is in Envoy's node name, which its
logger sends as the resource's `node_name`: `sidecar~IP~POD.NAMESPACE~DOMAIN`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tejer.observe.logs.records import Record
from tejer.observe.traces.doors.otlp import Reading, read_attributes, read_value, rough_size
from tejer.observe.traces.limits import Limits
from tejer.observe.traces.spans import LAST_NS, SPAN_ID_BYTES, TRACE_ID_BYTES, Attributes

_REQUEST_KEYS = ("request_id", "x-request-id", "x_request_id", "guid:x-request-id")
_QUOTED_UUID = re.compile(r'"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"')
_POD = re.compile(r"(?P<workload>.+?)(?:-[a-z0-9]{6,10})?-[a-z0-9]{5}")
"""A Deployment's pod is named WORKLOAD-HASH-SUFFIX, a DaemonSet's WORKLOAD-SUFFIX."""


def read_logs(request: Any, limits: Limits) -> Reading:
    """`request` is an ExportLogsServiceRequest or a LogsRequest."""
    kept: list[Record] = []
    reasons: list[str] = []
    refused = 0
    for group in request.resource_logs:
        resource = read_attributes(group.resource.attributes, limits)
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                problem = _problem(record, limits)
                if problem:
                    refused += 1
                    if len(reasons) < 16:
                        reasons.append(f"log record: {problem}")
                else:
                    kept.append(_record(record, resource, limits))
    return Reading(kept, refused, tuple(reasons))


def _problem(record: Any, limits: Limits) -> str:
    size = record.ByteSize() if hasattr(record, "ByteSize") else rough_size(record)
    if size > limits.record:
        return f"it has {size} bytes, more than the {limits.record} that one may have"
    if max(record.time_unix_nano, record.observed_time_unix_nano) > LAST_NS:
        return "its time is past the year 2262"
    return ""


def _record(record: Any, resource: Attributes, limits: Limits) -> Record:
    attributes = read_attributes(record.attributes, limits)
    value = read_value(record.body)
    body = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    fields = value if isinstance(value, dict) else _json_object(body)
    trace_id, span_id = bytes(record.trace_id), bytes(record.span_id)
    namespace, workload = whose(resource, attributes)
    return Record(
        time_ns=record.time_unix_nano or record.observed_time_unix_nano,
        trace_id=trace_id if len(trace_id) == TRACE_ID_BYTES and any(trace_id) else b"",
        span_id=span_id if len(span_id) == SPAN_ID_BYTES and any(span_id) else b"",
        request_id=request_id_of(attributes, fields, body),
        namespace=namespace,
        workload=workload,
        severity=record.severity_text,
        body=body,
        attributes=attributes,
        resource=resource,
    )


def _json_object(body: str) -> dict[str, Any]:
    if not body.startswith("{"):
        return {}
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def request_id_of(attributes: Attributes, fields: Attributes, body: str) -> str:
    for place in (attributes, fields):
        for key in _REQUEST_KEYS:
            if place.get(key) not in (None, "", "-"):
                return str(place[key])
    if fields:
        return ""
    found = _QUOTED_UUID.search(body)
    return found[1] if found else ""


def whose(resource: Attributes, attributes: Attributes) -> tuple[str, str]:
    """(namespace, workload); "" for what is not known. What is named outright goes before Envoy's node name."""
    namespace = str(resource.get("k8s.namespace.name") or "")
    workload = str(resource.get("k8s.deployment.name") or attributes.get("workload_name") or "")
    _, _, rest = str(resource.get("node_name") or attributes.get("node_id") or "").partition("~")
    parts = rest.split("~")
    if len(parts) == 3:
        pod, _, pod_namespace = parts[1].rpartition(".")
        match = _POD.fullmatch(pod)
        workload = workload or (match["workload"] if match else pod)
        namespace = namespace or pod_namespace
    if not workload:
        name, _, of = str(resource.get("service.name") or "").partition(".")
        workload, namespace = name, namespace or of
    return namespace, workload
