"""Access-log records: whose they are, and found by trace, request, workload and time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tejer.observe.logs.otlp import request_id_of, whose
from tests.unit.observe.traces.program import JSON, T0, TRACE, Server, server, span

REQUEST = "7c9c1c3e-1111-4222-8333-444455556666"
NODE = "sidecar~10.0.0.9~reviews-v1-7d9f8b6c5d-x2x4z.shop~shop.svc.cluster.local"
TEXT = f'[2026-11-25T08:00:00.000Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 5 "curl/8" "{REQUEST}" "host"'


def record(body: str, *, trace: str = "", at: int = T0, **attributes: str) -> dict[str, Any]:
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    ids = {"traceId": trace, "spanId": "00000000000000a1"} if trace else {}
    return {"timeUnixNano": str(at), "body": {"stringValue": body}, "attributes": pairs, **ids}


async def send(program: Server, *records: dict[str, Any], node: str = NODE) -> Any:
    resource = {"attributes": [{"key": "node_name", "value": {"stringValue": node}}]}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}
    status, answer, _ = await program.post(program.options.otlp_http, "/v1/logs", json.dumps(body).encode(), JSON)
    assert status == 200
    return json.loads(answer)


async def bodies(program: Server, **query: str) -> list[str]:
    status, answer = await program.get("/api/logs", **query)
    assert status == 200
    return [one["body"] for one in answer["logs"]]


def test_records_are_found_by_all_they_are_about(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            await send(program, record("first", trace=TRACE, request_id="r1"), record("second", at=T0 + 5))
            await send(program, record("other", at=T0 + 9), node="router~10.0.0.1~gateway-5c6f7d8b9c-abcde.edge~d")
            assert await bodies(program) == ["other", "second", "first"]
            assert await bodies(program, trace_id=TRACE) == ["first"]
            assert await bodies(program, request_id="r1") == ["first"]
            assert await bodies(program, workload="reviews-v1", namespace="shop") == ["second", "first"]
            assert await bodies(program, workload="gateway") == ["other"]
            assert await bodies(program, text="sec") == ["second"]
            assert await bodies(program, limit="1") == ["other"]
            assert await bodies(program, since="1h") == []
            _, answer = await program.get("/api/logs", trace_id=TRACE)
            assert answer["logs"][0]["attributes"] == {"request_id": "r1"}
            assert answer["logs"][0]["timeUnixNano"] == str(T0)

    asyncio.run(run())


def test_logs_and_traces_join_by_request_id(tmp_path: Path) -> None:
    """The proxy that did not sample has only the request id; the trace knows it by Envoy's tag."""

    async def run() -> None:
        async with server(tmp_path) as program:
            await program.send(span(tags={"guid:x-request-id": REQUEST}))
            await send(program, record(TEXT), record("with trace", trace=TRACE, at=T0 + 1))
            assert await bodies(program, trace_id=TRACE) == ["with trace", TEXT]
            assert await bodies(program, request_id=REQUEST) == ["with trace", TEXT]

    asyncio.run(run())


def test_a_record_too_large_is_refused_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            answer = await send(program, record("x" * 70_000), record("small"))
            assert answer["partialSuccess"]["rejectedLogRecords"] == "1"
            assert "more than the 65536" in answer["partialSuccess"]["errorMessage"]
            assert await bodies(program) == ["small"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("attributes", "fields", "body", "found"),
    [
        ({"request_id": "a"}, {}, "", "a"),
        ({"x-request-id": "a"}, {"request_id": "b"}, "", "a"),
        ({}, {"request_id": "b"}, "", "b"),
        ({"request_id": "-"}, {}, "", ""),
        ({}, {}, TEXT, REQUEST),
        ({}, {"path": "/"}, TEXT, ""),
    ],
)
def test_where_a_request_id_is_looked_for(
    attributes: dict[str, str], fields: dict[str, str], body: str, found: str
) -> None:
    assert request_id_of(attributes, fields, body) == found


@pytest.mark.parametrize(
    ("resource", "owner"),
    [
        ({"node_name": NODE}, ("shop", "reviews-v1")),
        ({"node_name": "sidecar~10.0.0.9~db-0.shop~d"}, ("shop", "db-0")),
        ({"service.name": "web.shop"}, ("shop", "web")),
        ({"k8s.deployment.name": "web", "k8s.namespace.name": "n"}, ("n", "web")),
        ({"node_name": "nonsense"}, ("", "")),
    ],
)
def test_whose_a_record_is(resource: dict[str, str], owner: tuple[str, str]) -> None:
    assert whose(resource, {}) == owner
