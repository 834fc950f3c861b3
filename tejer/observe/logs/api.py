"""`GET /api/logs`: log records of the mesh, by trace, request, workload, time or text.

    /api/logs?trace_id=|request_id=|namespace=|workload=|text=|since=15m|start=|end=|limit=100

`start` and `end` are RFC 3339. The answer is `{"logs": [...], "limit": n}`, the latest first. A search for a trace also
finds what only its requests name, and one for a request what only its traces name: records and spans are joined by
trace id and by x-request-id. Errors are `{"error": {"httpCode": 400, "message": "..."}}`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from tejer.observe.logs.records import Record
from tejer.observe.logs.table import LogSearch, find
from tejer.observe.traces.api.answers import Answer, answering
from tejer.observe.traces.api.parameters import duration_ns, number, timestamp_ns
from tejer.observe.traces.api.v3 import ENVELOPE
from tejer.observe.traces.spans import LAST_NS, Span, trace_id_of
from tejer.observe.traces.store.reading import Search, find_traces, spans_of
from tejer.observe.traces.store.store import Store

LARGEST_LIMIT = 5000
REQUEST_TAG = "guid:x-request-id"
"""Envoy's tracers put the request id into this tag of every span."""
_JOINED_REQUESTS = 20


def log_routes(store: Store) -> list[web.RouteDef]:
    return [web.get("/api/logs", answering(ENVELOPE, _logs(store)))]


def _logs(store: Store) -> Answer:
    async def answer(request: web.Request) -> Any:
        wanted = search_of(request.query, store.clock())
        found = await store.ask(lambda db: joined(db, wanted))
        return {"logs": [record_json(record) for record in found], "limit": wanted.limit}

    return answer


def search_of(query: Mapping[str, str], now_ns: int) -> LogSearch:
    """Raises ValueError that names the parameter."""
    since, start, end = query.get("since", ""), query.get("start", ""), query.get("end", "")
    begin = timestamp_ns("start", start) if start else 0
    if since:
        begin = max(begin, now_ns - duration_ns("since", since))
    return LogSearch(
        trace_id_of(query["trace_id"]) if query.get("trace_id") else b"",
        query.get("request_id", ""),
        query.get("namespace", ""),
        query.get("workload", ""),
        query.get("text", ""),
        begin,
        timestamp_ns("end", end) if end else LAST_NS,
        number("limit", query.get("limit", ""), 100, 1, LARGEST_LIMIT),
    )


def joined(db: sqlite3.Connection, wanted: LogSearch) -> list[Record]:
    """What `wanted` finds, and for a trace or a request what is known by the other id only."""
    found = find(db, wanted)
    if bool(wanted.trace_id) == bool(wanted.request_id):
        return found
    others: list[LogSearch]
    if wanted.trace_id:
        spans = spans_of(db, [wanted.trace_id]).get(wanted.trace_id, [])
        requests = {record.request_id for record in found if record.request_id} | request_ids(spans)
        others = [wanted._replace(trace_id=b"", request_id=one) for one in sorted(requests)[:_JOINED_REQUESTS]]
    else:
        traces = {record.trace_id for record in found if record.trace_id}
        tagged = Search(tags={REQUEST_TAG: wanted.request_id}, limit=_JOINED_REQUESTS)
        traces |= set(find_traces(db, tagged))
        others = [wanted._replace(request_id="", trace_id=one) for one in sorted(traces)[:_JOINED_REQUESTS]]
    distinct = {_identity(record): record for search in (wanted, *others) for record in find(db, search)}
    return sorted(distinct.values(), key=lambda record: -record.time_ns)[: wanted.limit]


def _identity(record: Record) -> tuple[object, ...]:
    return (record.time_ns, record.workload, record.namespace, record.span_id, record.request_id, record.body)


def request_ids(spans: Iterable[Span]) -> set[str]:
    return {str(span.detail.attributes[REQUEST_TAG]) for span in spans if span.detail.attributes.get(REQUEST_TAG)}


def record_json(record: Record) -> dict[str, Any]:
    """Ids in hex, "" where there is none; the time as a text of nanoseconds, as v3 has it."""
    return {
        "timeUnixNano": str(record.time_ns),
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "requestId": record.request_id,
        "namespace": record.namespace,
        "workload": record.workload,
        "severity": record.severity,
        "body": record.body,
        "attributes": record.attributes,
        "resource": record.resource,
    }
