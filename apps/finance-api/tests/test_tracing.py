"""Queries are spans of the request's trace, and only of requests that are traced."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from finance_api.tracing import Parent, Tracer, parent_of, span_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_only_sampled_requests_have_a_parent() -> None:
    assert parent_of(f"00-{TRACE}-{SPAN}-01") == Parent(TRACE, SPAN)
    assert parent_of(f"00-{TRACE}-{SPAN}-00") is None
    assert parent_of("") is parent_of("nonsense") is None


def test_a_span_tells_the_statement_and_no_values() -> None:
    record = SimpleNamespace(query="SELECT *\n  FROM accounts WHERE id = $1", args=(7,), elapsed=0.002, exception=None)
    span = span_of(record, Parent(TRACE, SPAN), 5_000_000_000)
    assert (span["traceId"], span["parentSpanId"], span["name"]) == (TRACE, SPAN, "postgres SELECT")
    assert int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) == 2_000_000
    assert {"key": "db.statement", "value": {"stringValue": "SELECT * FROM accounts WHERE id = $1"}} in span[
        "attributes"
    ]
    assert "7" not in json.dumps(span["attributes"])


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any], threading.Event]]:
    got: list[Any] = []
    arrived = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, self.headers["traceparent"], json.loads(body)))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got, arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_are_sent_in_batches_and_the_report_is_not_traced(
    collector: tuple[str, list[Any], threading.Event],
) -> None:
    from finance_api import tracing

    address, got, arrived = collector

    async def run() -> None:
        tracer = Tracer(address, "finance-api")
        record = SimpleNamespace(query="SELECT 1", elapsed=0.1, exception=ValueError())
        tracer.query(record)  # of no request: not reported
        token = tracing._current.set(Parent(TRACE, SPAN))
        tracer.query(record)
        tracer.query(record)
        tracing._current.reset(token)
        async with asyncio.TaskGroup() as group, asyncio.timeout(20):
            running = group.create_task(tracer.run())
            await asyncio.to_thread(arrived.wait, 15)
            running.cancel()

    asyncio.run(run())
    ((path, traceparent, body),) = got
    assert (path, traceparent[-3:]) == ("/v1/traces", "-00")
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [span["status"]["message"] for span in spans] == ["ValueError", "ValueError"]
