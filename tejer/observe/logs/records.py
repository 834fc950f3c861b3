"""Log records of the mesh: what Envoy's OpenTelemetry access logger sends, one for each request. Immutable."""

from __future__ import annotations

import msgspec

from tejer.observe.traces.spans import Attributes


class Record(msgspec.Struct, frozen=True, gc=False):
    """`trace_id` and `span_id` are empty where there was no trace, `request_id` is x-request-id. Times as of spans."""

    time_ns: int
    trace_id: bytes
    span_id: bytes
    request_id: str
    namespace: str
    workload: str
    severity: str
    body: str
    attributes: Attributes = {}
    resource: Attributes = {}
