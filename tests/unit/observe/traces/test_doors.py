"""What comes in by each door is found again; what can't be kept is refused by name, and nothing else suffers."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tejer.envoy.proto import message_class
from tejer.observe.traces.doors.intake import Busy, Intake
from tejer.observe.traces.doors.otlp_http import otlp_routes
from tejer.observe.traces.limits import LIMITS
from tests.unit.observe.traces.program import (
    JSON,
    PROTOBUF,
    T0,
    TRACE,
    Server,
    options_for,
    otlp_json,
    otlp_request,
    server,
    span,
)

RESPONSE = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse"


async def _post(program: Server, body: bytes, **headers: str) -> tuple[int, Any]:
    status, answer, _ = await program.post(
        program.options.otlp_http, "/v1/traces", body, PROTOBUF | {k.replace("_", "-"): v for k, v in headers.items()}
    )
    return status, message_class(RESPONSE if status == 200 else "google.rpc.Status").FromString(answer)


async def _names(program: Server, service: str = "web.default") -> list[str]:
    _, answer = await program.get(f"/api/services/{service}/operations")
    return list(answer["data"])


def test_protobuf_and_json_read_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            assert (await _post(program, otlp_request("by protobuf")))[0] == 200
            attributes = [
                {"key": "payload", "value": {"stringValue": ""}},
                {"key": "http.status_code", "value": {"intValue": "200"}},
                {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}]}}},
            ]
            events = [{"timeUnixNano": str(T0 + 1000), "name": "retry",
                       "attributes": [{"key": "attempt", "value": {"intValue": 2}}]}]  # fmt: skip
            assert await program.send(span("by json", attributes=attributes, events=events)) == (200, {})
            _, answer = await program.get(f"/api/traces/{TRACE}")
            one, other = answer["data"][0]["spans"]
            for key in ("logs", "startTime", "duration", "references"):
                assert one[key] == other[key]
            without_scope = [tag for tag in other["tags"] if tag["key"] != "otel.scope.name"]
            assert sorted(one["tags"], key=str) == sorted(without_scope, key=str)

    asyncio.run(run())


def test_gzip_is_taken_and_a_bomb_is_not(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            packed = gzip.compress(otlp_request("packed"))
            assert (await _post(program, packed, Content_Encoding="gzip"))[0] == 200
            bomb = gzip.compress(bytes(LIMITS.body * 8))
            assert len(bomb) < LIMITS.body // 50
            status, told = await _post(program, bomb, Content_Encoding="gzip")
            assert status == 413
            assert str(LIMITS.body) in told.message
            status, told = await _post(program, packed[:-9], Content_Encoding="gzip")
            assert (status, told.message) == (400, "the gzip body ends early")
            status, told = await _post(program, packed, Content_Encoding="br")
            assert status == 415
            assert await _names(program) == ["packed"]

    asyncio.run(run())


def test_a_span_of_ten_megabytes_is_refused_by_its_body_and_one_of_two_by_name(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            status, told = await _post(program, otlp_request("huge", size=10 << 20))
            assert status == 413
            assert "send smaller batches" in told.message
            mixed = otlp_request("large", size=2 << 20) + otlp_request("small")  # protobuf: joined messages merge
            status, told = await _post(program, mixed)
            assert (status, told.partial_success.rejected_spans) == (200, 1)
            assert "span 'large' of web.default: it has 2097" in told.partial_success.error_message
            assert await _names(program) == ["small"]
            _, text = await program.get("/metrics")
            assert 'tejer_jaeger_received_total{door="otlp-http",kind="spans",outcome="refused"} 1' in text

    asyncio.run(run())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trace": "00" * 16}, "trace id"),
        ({"trace": "abcd"}, "trace id 'abcd'"),
        ({"id": "00" * 8}, "span id"),
        ({"start": (1 << 63) + 5}, "past the year 2262"),
        ({"tags": {"blob": "x" * (LIMITS.span + 1)}}, "more than the"),
    ],
)
def test_bad_spans_are_named_and_the_rest_is_kept(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            status, answer = await program.send(span("bad", **change), span("good"))
            assert status == 200
            assert answer["partialSuccess"]["rejectedSpans"] == "1"
            assert said in answer["partialSuccess"]["errorMessage"]
            assert await _names(program) == ["good"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "truncated"),
        (b'{"resourceSpans": 5}', "$.resourceSpans"),
        (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}', "traceId"),
        (b'{"resourceSpans":[{"resource":{"attributes":[{"value":'
         + b'{"arrayValue":{"values":[' * 3000 + b"]}}" * 3000 + b"}]}}]}", "deep"),
    ],
)  # fmt: skip
def test_what_is_no_otlp_is_told_where_it_is_wrong(tmp_path: Path, body: bytes, said: str) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            status, answer, _ = await program.post(program.options.otlp_http, "/v1/traces", body, JSON)
            assert status == 400
            assert said in json.loads(answer)["message"]

    asyncio.run(run())


def test_garbage_and_other_types_are_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            status, told = await _post(program, b"\xff\xff\xff\xff")
            assert status == 400
            assert "ExportTraceServiceRequest" in told.message
            status, answer, _ = await program.post(
                program.options.otlp_http, "/v1/traces", b"x", {"Content-Type": "text/plain"}
            )
            assert status == 415
            assert b"text/plain" in answer

    asyncio.run(run())


def test_attributes_past_the_limit_are_counted_and_deep_values_are_cut(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            many = {f"k{number}": "v" for number in range(LIMITS.attributes + 7)}
            await program.send(span(tags=many))
            _, answer = await program.get(f"/api/traces/{TRACE}")
            tags = {tag["key"]: tag["value"] for tag in answer["data"][0]["spans"][0]["tags"]}
            assert tags["otel.dropped_attributes_count"] == 7
            assert f"k{LIMITS.attributes}" not in tags

    asyncio.run(run())


def test_zipkin_with_short_ids_and_a_shared_span(tmp_path: Path) -> None:
    """As two Envoys report one request with B3: client and server under one id."""
    client = {
        "traceId": "48485a3953bb6124", "id": "48485a3953bb6124", "name": "reviews:9080/*", "kind": "CLIENT",
        "timestamp": T0 // 1000, "duration": 9000, "localEndpoint": {"serviceName": "web.default", "ipv4": "10.0.0.1"},
        "tags": {"http.status_code": "503", "error": "true"},
        "annotations": [{"timestamp": T0 // 1000 + 5, "value": "sent"}],
    }  # fmt: skip
    hidden = {**client, "kind": "SERVER", "timestamp": T0 // 1000 + 1000, "duration": 7000, "shared": True,
              "localEndpoint": {"serviceName": "reviews.default"}, "tags": {}}  # fmt: skip
    inner = {**client, "id": "00000000000000aa", "parentId": "48485a3953bb6124", "timestamp": T0 // 1000 + 2000,
             "duration": 100, "localEndpoint": {"serviceName": "reviews.default"}}  # fmt: skip

    async def run() -> None:
        async with server(tmp_path) as program:
            assert await program.zipkin(client) == (202, "")
            assert await program.zipkin(hidden, inner) == (202, "")
            for written in ("48485a3953bb6124", "0" * 16 + "48485a3953bb6124"):
                status, answer = await program.get(f"/api/traces/{written}")
                assert status == 200
            spans = answer["data"][0]["spans"]
            assert [one["traceID"] for one in spans] == ["48485a3953bb6124"] * 3
            assert len({one["spanID"] for one in spans}) == 3
            parents = [one["references"][0]["spanID"] if one["references"] else "" for one in spans]
            assert parents == ["", "48485a3953bb6124", spans[1]["spanID"]]
            assert spans[0]["logs"][0]["fields"] == [{"key": "event", "type": "string", "value": "sent"}]
            _, answer = await program.get("/api/traces", service="web.default", tags='{"error":"true"}', start="0")
            assert answer["total"] == 1

    asyncio.run(run())


def test_zipkin_refuses_by_span_and_by_format(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            good = {"traceId": "1", "id": "2", "name": "good", "timestamp": 5, "localEndpoint": {"serviceName": "z"}}
            status, told = await program.zipkin({**good, "name": "bad", "id": "not hex"}, good)
            assert status == 202
            assert "'bad'" in told
            assert await _names(program, "z") == ["good"]
            status, answer, _ = await program.post(program.options.zipkin, "/api/v2/spans", b"[{}]", JSON)
            assert status == 400
            assert b"traceId" in answer
            thrift = {"Content-Type": "application/x-thrift"}
            assert (await program.post(program.options.zipkin, "/api/v2/spans", b"x", thrift))[0] == 415
            assert (await program.post(program.options.zipkin, "/api/v1/spans", b"[]", JSON))[0] == 410

    asyncio.run(run())


def test_bodies_that_never_end_hold_little_and_what_is_too_much_at_once_comes_again(tmp_path: Path) -> None:
    async def run() -> None:
        limits = LIMITS._replace(held=100_000, seconds=0.5)
        kept: list[Any] = []

        async def keep(records: Any) -> None:
            kept.extend(records)

        intake = Intake(keep, keep, limits)
        with intake.holding() as hold:
            hold(90_000)
            with intake.holding() as other, pytest.raises(Busy, match="90000 bytes of other bodies"):
                other(20_000)
        with intake.holding() as hold:
            hold(100_000)

        app = web.Application()
        app.add_routes(otlp_routes(intake))
        runner = web.AppRunner(app)
        await runner.setup()
        port = options_for(tmp_path).otlp_http
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = (
                "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
            )
            writer.write(head.encode())
            assert b" 408 " in await reader.readline()
            writer.close()
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{port}/v1/traces"
                async with session.post(url, data=b"x" * 200_000, headers=JSON) as answer:
                    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
                async with session.post(url, json=otlp_json(span())) as answer:
                    assert answer.status == 200
            assert len(kept) == 1
        finally:
            await runner.cleanup()

    asyncio.run(run())
