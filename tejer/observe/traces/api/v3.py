"""Jaeger's v3 HTTP API, which jaeger-ui 2.x calls: services, operations, trace summaries, and traces as OTLP's JSON.

Parameters are taken in both spellings (`query.service_name`, `query.serviceName`), times in RFC 3339. Errors are
`{"error": {"httpCode": 400, "message": "..."}}`. Source: jaeger, internal/extension/jaegerquery/internal/apiv3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tejer.observe.traces.api import finding
from tejer.observe.traces.api.answers import Envelope, NotFound, answering
from tejer.observe.traces.api.parameters import (
    LARGEST_LIMIT,
    duration_ns,
    first_of,
    kind_number,
    number,
    tags_json,
    timestamp_ns,
)
from tejer.observe.traces.api.v3_json import resource_spans, summary
from tejer.observe.traces.arrange import Trace
from tejer.observe.traces.spans import KINDS, LAST_NS, trace_id_of
from tejer.observe.traces.store.reading import Search, operations, services
from tejer.observe.traces.store.store import Store

ENVELOPE = Envelope(lambda body: body, lambda status, text: {"error": {"httpCode": status, "message": text}})


def v3_routes(store: Store) -> list[web.RouteDef]:
    api = _V3(store)
    return [
        web.get("/api/v3/services", answering(ENVELOPE, api.services)),
        web.get("/api/v3/operations", answering(ENVELOPE, api.operations)),
        web.get("/api/v3/traces", answering(ENVELOPE, api.traces)),
        web.get("/api/v3/traces/{id}", answering(ENVELOPE, api.trace)),
        web.get("/api/v3/trace-summaries", answering(ENVELOPE, api.summaries)),
    ]


class _V3:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def services(self, _: web.Request) -> Any:
        return {"services": await self._store.ask(services)}

    async def operations(self, request: web.Request) -> Any:
        service = request.query.get("service", "")
        if not service:
            raise ValueError("service: name one, /api/v3/services lists them")
        kind = kind_number("span_kind", first_of(request.query, "span_kind", "spanKind"))
        found = await self._store.ask(lambda db: operations(db, service, kind))
        return {"operations": [{"name": one.name, "spanKind": KINDS[one.kind] if one.kind else ""} for one in found]}

    async def traces(self, request: web.Request) -> Any:
        found = await finding.search(self._store, search_of(request.query), resource_spans)
        if not found["resourceSpans"]:
            raise NotFound("No traces found")
        return {"result": found}

    async def trace(self, request: web.Request) -> Any:
        found = await finding.traces(self._store, [trace_id_of(request.match_info["id"])], resource_spans)
        if not found["resourceSpans"]:
            raise NotFound("No traces found: this one was not sampled, did not come yet, or is too old")
        return {"result": found}

    async def summaries(self, request: web.Request) -> Any:
        return await finding.search(self._store, search_of(request.query), _summaries)


def _summaries(traces: list[Trace]) -> Any:
    return {"summaries": [summary(trace) for trace in traces]}


def search_of(query: Mapping[str, str]) -> Search:
    """Raises ValueError that names the parameter. Without a service all are searched."""

    def given(*names: str) -> str:
        return first_of(query, *(f"query.{name}" for name in names))

    start, end = given("start_time_min", "startTimeMin"), given("start_time_max", "startTimeMax")
    shortest, longest = given("duration_min", "durationMin"), given("duration_max", "durationMax")
    attributes = given("attributes")
    wanted = Search(
        given("service_name", "serviceName"),
        given("operation_name", "operationName"),
        None,
        timestamp_ns("query.start_time_min", start) if start else 0,
        timestamp_ns("query.start_time_max", end) if end else LAST_NS,
        duration_ns("query.duration_min", shortest) if shortest else 0,
        duration_ns("query.duration_max", longest) if longest else LAST_NS,
        tags_json("query.attributes", attributes) if attributes else {},
        number("query.search_depth", given("search_depth", "searchDepth", "num_traces", "numTraces"), 20, 1,
               LARGEST_LIMIT),
    )  # fmt: skip
    if wanted.shortest_ns > wanted.longest_ns:
        raise ValueError("query.duration_min is longer than query.duration_max")
    return wanted
