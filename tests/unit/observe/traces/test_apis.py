"""Jaeger's two APIs over the same rows: what Kiali, Grafana and jaeger-ui ask."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tejer.observe.access.guard import AccessSettings
from tejer.observe.traces.serving import EXEMPT, SERVICE
from tests.unit.observe.traces.program import JSON, T0, TRACE, Server, otlp_json, server, span

OTHER = "5b8efff798038103d269b633813fc60c"
LATER = T0 + 60_000_000_000
WEB, REVIEWS = "web.default", "reviews.default"


async def fill(program: Server) -> None:
    """One trace of two services, the second failing; and one quick trace later."""
    await program.send(span("ingress", id="00000000000000a1", ms=40, kind=3, tags={"http.method": "GET"}))
    failed = span("answer", parentSpanId="00000000000000a1", start=T0 + 1_000_000, ms=30, status={"code": 2})
    await program.send(failed, service=REVIEWS)
    await program.send(span("ingress", trace=OTHER, start=LATER, ms=3, kind=3, tags={"http.method": "PUT"}))


@pytest.mark.parametrize(
    ("query", "traces"),
    [
        ({"service": WEB}, [OTHER, TRACE]),
        ({"service": WEB, "limit": "1"}, [OTHER]),
        ({"service": REVIEWS}, [TRACE]),
        ({"service": WEB, "minDuration": "10ms"}, [TRACE]),
        ({"service": WEB, "maxDuration": "3999us"}, [OTHER]),
        ({"service": WEB, "tags": '{"http.method":"PUT"}'}, [OTHER]),
        ({"service": WEB, "tag": "http.method:GET"}, [TRACE]),
        ({"service": REVIEWS, "tags": '{"error":true}'}, [TRACE]),
        ({"service": WEB, "tags": '{"error":"true"}'}, []),
        ({"service": WEB, "operation": "nothing"}, []),
        ({"service": "nobody"}, []),
        ({"service": WEB, "end": str(LATER // 1000 - 1)}, [TRACE]),
        ({"service": WEB, "start": str(LATER // 1000)}, [OTHER]),
        ({"traceID": TRACE}, [TRACE]),
    ],
)
def test_v1_searches(tmp_path: Path, query: dict[str, str], traces: list[str]) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            await fill(program)
            query.setdefault("start", "0")
            status, answer = await program.get("/api/traces", **query)
            assert status == 200
            assert [trace["traceID"] for trace in answer["data"]] == traces

    asyncio.run(run())


def test_v1_gives_whole_traces_with_processes(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            await fill(program)
            _, answer = await program.get("/api/traces", service=REVIEWS, start="0")
            (trace,) = answer["data"]
            first, second = trace["spans"]
            assert first["duration"] == 40_000 and first["startTime"] == T0 // 1000
            assert second["references"] == [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": first["spanID"]}]
            assert {"key": "error", "type": "bool", "value": True} in second["tags"]
            assert {"key": "span.kind", "type": "string", "value": "client"} in first["tags"]
            names = [trace["processes"][one["processID"]]["serviceName"] for one in trace["spans"]]
            assert names == [WEB, REVIEWS]

    asyncio.run(run())


def test_names_and_dependencies(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            await fill(program)
            assert (await program.get("/api/services"))[1]["data"] == [REVIEWS, WEB]
            assert (await program.get("/api/v3/services"))[1] == {"services": [REVIEWS, WEB]}
            _, answer = await program.get("/api/operations", service=WEB, spanKind="client")
            assert answer["data"] == [{"name": "ingress", "spanKind": "client"}]
            _, answer = await program.get("/api/v3/operations", service=REVIEWS)
            assert answer == {"operations": [{"name": "answer", "spanKind": "server"}]}
            _, answer = await program.get("/api/dependencies", endTs=str(LATER // 1_000_000), lookback="120000")
            assert answer["data"] == [{"parent": WEB, "child": REVIEWS, "callCount": 1}]
            _, answer = await program.get("/api/dependencies", endTs="1000", lookback="500")
            assert answer["data"] == []

    asyncio.run(run())


def test_v3_summaries_and_traces(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            await fill(program)
            query = {"query.serviceName": WEB, "query.startTimeMin": "2026-11-18T00:00:00Z", "query.searchDepth": "5"}
            _, answer = await program.get("/api/v3/trace-summaries", **query)
            assert answer["summaries"][1] == {
                "traceId": TRACE, "rootServiceName": WEB, "rootOperationName": "ingress",
                "minStartTimeUnixNano": str(T0), "maxEndTimeUnixNano": str(T0 + 40_000_000),
                "spanCount": 2, "errorSpanCount": 1, "orphanSpanCount": 0,
                "services": [{"name": REVIEWS, "spanCount": 1, "errorSpanCount": 1},
                             {"name": WEB, "spanCount": 1, "errorSpanCount": 0}],
            }  # fmt: skip
            snake = {"query.service_name": WEB, "query.attributes": '{"http.method":"PUT"}', "query.num_traces": "1"}
            status, answer = await program.get("/api/v3/traces", **snake)
            (group,) = answer["result"]["resourceSpans"]
            assert [one["traceId"] for one in group["scopeSpans"][0]["spans"]] == [OTHER]
            _, answer = await program.get("/api/v3/trace-summaries")
            assert len(answer["summaries"]) == 2
            status, answer = await program.get("/api/v3/traces", **{"query.service_name": "nobody"})
            assert (status, answer["error"]["httpCode"]) == (404, 404)

    asyncio.run(run())


def test_v3_gives_back_what_otlp_brought(tmp_path: Path) -> None:
    sent = span(
        "all", id="00000000000000a1", parentSpanId="00000000000000a2", traceState="vendor=1",
        status={"code": 2, "message": "no"},
        attributes=[
            {"key": "text", "value": {"stringValue": "t"}},
            {"key": "number", "value": {"intValue": "9007199254740993"}},
            {"key": "yes", "value": {"boolValue": True}}, {"key": "half", "value": {"doubleValue": 0.5}},
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}}},
        ],
        events=[{"timeUnixNano": str(T0 + 1), "name": "e", "attributes": [{"key": "n", "value": {"intValue": "1"}}]}],
        links=[{"traceId": OTHER, "spanId": "00000000000000b1", "attributes": []}],
    )  # fmt: skip

    async def run() -> None:
        async with server(tmp_path) as program:
            await program.send(sent)
            _, answer = await program.get(f"/api/v3/traces/{TRACE}")
            assert answer["result"] == otlp_json(sent)
            body = json.dumps(answer["result"]).encode()
            status, again, _ = await program.post(program.options.port, "/api/transform", body, JSON)
            assert status == 200
            _, v1 = await program.get(f"/api/traces/{TRACE}")
            assert json.loads(again)["data"] == v1["data"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("/api/traces", {}, 400, "service: name one"),
        ("/api/traces", {"service": WEB, "limit": "0"}, 400, "limit: '0' is not a number from 1"),
        ("/api/traces", {"service": WEB, "limit": "99999999"}, 400, "limit"),
        ("/api/traces", {"service": WEB, "minDuration": "fast"}, 400, "minDuration: 'fast' is no duration"),
        ("/api/traces", {"service": WEB, "minDuration": "2s", "maxDuration": "1s"}, 400, "longer than"),
        ("/api/traces", {"service": WEB, "tags": "{"}, 400, "tags: not JSON"),
        ("/api/traces", {"service": WEB, "tags": '{"a":[1]}'}, 400, "tags: the value of 'a'"),
        ("/api/traces", {"service": WEB, "tag": "x"}, 400, "tag: 'x' is not key:value"),
        ("/api/traces/xyz", {}, 400, "'xyz' is not a trace id"),
        ("/api/traces/1", {}, 404, "trace not found: 00000000000000000000000000000001 was not sampled"),
        ("/api/operations", {"service": WEB, "spanKind": "odd"}, 400, "spanKind: 'odd' is none of"),
        ("/api/deep-dependencies", {}, 501, "use /api/dependencies"),
        ("/api/metrics/calls", {}, 400, "service: name one"),
        ("/api/metrics/calls", {"service": WEB, "step": "1"}, 400, "step: this makes more than 1000 points"),
        ("/api/metrics/latencies", {"service": WEB, "quantile": "nan"}, 400, "quantile"),
        ("/api/v3/traces", {"query.start_time_min": "yesterday"}, 400, "query.start_time_min: 'yesterday' is no time"),
        ("/api/v3/operations", {}, 400, "service: name one"),
        ("/api/logs", {"since": "1 day"}, 400, "since: '1 day' is no duration"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, path: str, query: dict[str, str], status: int, said: str) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            code, answer = await program.get(path, **query)
            assert code == status
            told = answer["errors"][0]["msg"] if "errors" in answer else answer["error"]["message"]
            assert said in told

    asyncio.run(run())


def test_rates_and_latencies_of_what_was_sampled(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            spans = [
                span(
                    "GET /", start=T0 + number * 1_000_000_000, ms=number + 1, status={"code": 2 if number == 9 else 0}
                )
                for number in range(10)
            ]
            await program.send(*spans)
            at = {"endTs": str(T0 // 1_000_000 + 10_000), "lookback": "10000", "step": "10000", "ratePer": "10000"}

            async def last(name: str, **more: str) -> dict[str, Any]:
                _, answer = await program.get(f"/api/metrics/{name}", service=WEB, **at, **more)
                found: dict[str, Any] = answer["metrics"][0]
                return found

            calls = await last("calls")
            assert [p["gaugeValue"]["doubleValue"] for p in calls["metricPoints"]] == [0.1, 0.9]
            errors = await last("errors", groupByOperation="true")
            assert {"name": "operation", "value": "GET /"} in errors["labels"]
            assert errors["metricPoints"][-1]["gaugeValue"]["doubleValue"] == pytest.approx(1 / 9)
            latency = await last("latencies", quantile="0.5")
            assert latency["metricPoints"][-1]["gaugeValue"]["doubleValue"] == 6
            assert (await program.get("/api/metrics/calls", service=WEB, spanKind="client", **at))[1]["metrics"] == []

    asyncio.run(run())


def test_metrics_and_health_need_no_token_and_the_guarded_service_is_istios() -> None:
    rules = AccessSettings(SERVICE, exempt=EXEMPT).rules
    assert SERVICE == "tracing"
    assert {"/metrics", "/healthz"} <= set(rules.exempt)
