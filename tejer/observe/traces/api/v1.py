"""Jaeger's v1 HTTP API, which Kiali and Grafana call: `/api/services`, `/api/traces`, `/api/dependencies` and so on.

Answers are `{"data": ..., "total": n, "limit": 0, "offset": 0, "errors": null}`. Times in a query are microseconds
(dependencies: milliseconds), durations Go's. Source: jaeger, cmd/query/app/{http_handler,query_parser}.go of 1.x.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from multidict import MultiMapping

from tejer.observe.traces.api import finding
from tejer.observe.traces.api.answers import Envelope, NotFound, answering, refusing
from tejer.observe.traces.api.parameters import LARGEST_LIMIT, duration_ns, kind_number, number, tags_json, tags_pairs
from tejer.observe.traces.api.v1_json import trace_json
from tejer.observe.traces.arrange import Trace, arrange
from tejer.observe.traces.doors.otlp import read_spans
from tejer.observe.traces.doors.otlp_messages import traces_of_json
from tejer.observe.traces.limits import LIMITS
from tejer.observe.traces.spans import KINDS, LAST_NS, trace_id_of
from tejer.observe.traces.store.reading import Search, calls, operations, services
from tejer.observe.traces.store.store import Store

_DAY_NS = 86_400_000_000_000
_ABSENT = (
    ("POST", "/api/archive/{id}", "there is no archive: traces with errors are kept longer, see docs/tracing.md"),
    ("GET", "/api/deep-dependencies", "deep dependencies are not computed: use /api/dependencies"),
    ("GET", "/api/quality-metrics", "quality metrics are not computed"),
)


def _success(data: Any) -> Any:
    total = len(data) if isinstance(data, list) else 0
    return {"data": data, "total": total, "limit": 0, "offset": 0, "errors": None}


def _failure(status: int, text: str) -> Any:
    return {"data": None, "total": 0, "limit": 0, "offset": 0, "errors": [{"code": status, "msg": text}]}


ENVELOPE = Envelope(_success, _failure)


def v1_routes(store: Store) -> list[web.RouteDef]:
    api = _V1(store)
    return [
        web.get("/api/services", answering(ENVELOPE, api.services)),
        web.get("/api/services/{service}/operations", answering(ENVELOPE, api.operation_names)),
        web.get("/api/operations", answering(ENVELOPE, api.operations)),
        web.get("/api/traces", answering(ENVELOPE, api.search)),
        web.get("/api/traces/{id}", answering(ENVELOPE, api.trace)),
        web.get("/api/dependencies", answering(ENVELOPE, api.dependencies)),
        web.post("/api/transform", answering(ENVELOPE, api.transform)),
        *(web.route(method, path, refusing(ENVELOPE, 501, why)) for method, path, why in _ABSENT),
    ]


class _V1:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def services(self, _: web.Request) -> Any:
        return await self._store.ask(services)

    async def operation_names(self, request: web.Request) -> Any:
        service = request.match_info["service"]
        found = await self._store.ask(lambda db: operations(db, service))
        return sorted({operation.name for operation in found})

    async def operations(self, request: web.Request) -> Any:
        service = request.query.get("service", "")
        if not service:
            raise ValueError("service: name one, /api/services lists them")
        kind = kind_number("spanKind", request.query.get("spanKind", ""))
        found = await self._store.ask(lambda db: operations(db, service, kind))
        return [{"name": one.name, "spanKind": KINDS[one.kind] if one.kind else ""} for one in found]

    async def search(self, request: web.Request) -> Any:
        if ids := request.query.getall("traceID", []):
            return await finding.traces(self._store, [trace_id_of(text) for text in ids[:LARGEST_LIMIT]], _shown)
        return await finding.search(self._store, search_of(request.query, self._store.clock()), _shown)

    async def trace(self, request: web.Request) -> Any:
        trace_id = trace_id_of(request.match_info["id"])
        found = await finding.traces(self._store, [trace_id], _shown)
        if not found:
            raise NotFound(f"trace not found: {trace_id.hex()} was not sampled, did not come yet, or is too old")
        return found

    async def dependencies(self, request: web.Request) -> Any:
        now = self._store.clock()
        end = number("endTs", request.query.get("endTs", ""), now // 1_000_000, most=LAST_NS // 1_000_000) * 1_000_000
        lookback = number("lookback", request.query.get("lookback", ""), _DAY_NS // 1_000_000) * 1_000_000
        found = await self._store.ask(lambda db: calls(db, max(0, end - lookback), end))
        return [{"parent": call.parent, "child": call.child, "callCount": call.times} for call in found]

    async def transform(self, request: web.Request) -> Any:
        """OTLP's JSON in, v1's out: jaeger-ui shows uploaded files with it."""
        reading = read_spans(traces_of_json(await request.read()), LIMITS)
        if reading.refused:
            raise ValueError(reading.message)
        by_trace: dict[bytes, list[Any]] = {}
        for span in reading.kept:
            by_trace.setdefault(span.trace_id, []).append(span)
        return [trace_json(arrange(spans)) for spans in by_trace.values()]


def _shown(traces: list[Trace]) -> list[Any]:
    return [trace_json(trace) for trace in traces]


def search_of(query: MultiMapping[str], now_ns: int) -> Search:
    """Raises ValueError that names the parameter."""
    service = query.get("service", "")
    if not service:
        raise ValueError("service: name one, /api/services lists them")
    end = number("end", query.get("end", ""), now_ns // 1000, most=LAST_NS // 1000) * 1000
    lookback = query.get("lookback", "")
    default = end - (duration_ns("lookback", lookback) if lookback not in ("", "custom") else 2 * _DAY_NS)
    start = number("start", query.get("start", ""), max(0, default) // 1000, most=LAST_NS // 1000) * 1000
    tags = tags_pairs("tag", query.getall("tag", []))
    for text in query.getall("tags", []):
        tags |= tags_json("tags", text)
    shortest, longest = query.get("minDuration", ""), query.get("maxDuration", "")
    wanted = Search(
        service, query.get("operation", ""), kind_number("spanKind", query.get("spanKind", "")), start, end,
        duration_ns("minDuration", shortest) if shortest else 0,
        duration_ns("maxDuration", longest) if longest else LAST_NS,
        tags, number("limit", query.get("limit", ""), 100, 1, LARGEST_LIMIT),
    )  # fmt: skip
    if wanted.shortest_ns > wanted.longest_ns:
        raise ValueError("minDuration is longer than maxDuration")
    return wanted
