"""OTLP over gRPC, by a real gRPC client."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpclib.client
import pytest
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError

from tejer.envoy.proto import message_class
from tejer.observe.traces.limits import LIMITS
from tests.unit.observe.traces.program import Server, otlp_request, server

TRACES = "opentelemetry.proto.collector.trace.v1."
LOGS = "opentelemetry.proto.collector.logs.v1."


@contextmanager
def channel(program: Server) -> Iterator[grpclib.client.Channel]:
    opened = grpclib.client.Channel("127.0.0.1", program.options.otlp_grpc)
    try:
        yield opened
    finally:
        opened.close()


async def call(
    opened: grpclib.client.Channel,
    body: bytes,
    *,
    service: str = TRACES + "TraceService",
    packed: bool = False,
    size: int | None = None,
) -> Any:
    """Export `body`, framed by hand: grpclib's client compresses nothing. `size` is what the frame claims."""
    kind = service.replace("Service", "ServiceResponse").rpartition(".")
    response = message_class(f"{kind[0]}.Export{kind[2]}")
    request = message_class(f"{kind[0]}.Export{kind[2].replace('Response', 'Request')}")
    stream = opened.request(f"/{service}/Export", Cardinality.UNARY_UNARY, request, response, timeout=20)
    async with stream:
        await stream.send_request()
        framed = struct.pack(">?I", packed, len(body) if size is None else size) + body
        await stream._stream.send_data(framed, end_stream=True)
        stream._send_message_done = stream._end_done = True
        return await stream.recv_message()


def test_spans_come_by_grpc_packed_or_not(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            with channel(program) as opened:
                assert (await call(opened, otlp_request("one"))).partial_success.rejected_spans == 0
                await call(opened, gzip.compress(otlp_request("two")), packed=True)
                told = await call(opened, otlp_request("large", size=LIMITS.span + 1))
                assert told.partial_success.rejected_spans == 1
            _, answer = await program.get("/api/services/web.default/operations")
            assert answer["data"] == ["one", "two"]

    asyncio.run(run())


def test_what_is_too_large_or_garbage_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with server(tmp_path) as program:
            with channel(program) as opened:
                with pytest.raises(GRPCError, match="send smaller batches"):
                    await call(opened, b"x", size=LIMITS.body + 1)
                for body, packed, status in (
                    (gzip.compress(bytes(LIMITS.body * 4)), True, Status.RESOURCE_EXHAUSTED),
                    (b"\xff\xff\xff", False, Status.INVALID_ARGUMENT),
                    (b"not gzip", True, Status.INVALID_ARGUMENT),
                ):
                    with pytest.raises(GRPCError) as caught:
                        await call(opened, body, packed=packed)
                    assert caught.value.status is status
                await call(opened, otlp_request("after all that"))

    asyncio.run(run())


def test_logs_come_by_grpc(tmp_path: Path) -> None:
    async def run() -> None:
        request: Any = message_class(LOGS + "ExportLogsServiceRequest")()
        record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=5)
        record.body.string_value = "GET / 200"
        async with server(tmp_path) as program:
            with channel(program) as opened:
                await call(opened, request.SerializeToString(), service=LOGS + "LogsService")
            _, answer = await program.get("/api/logs")
            assert [one["body"] for one in answer["logs"]] == ["GET / 200"]

    asyncio.run(run())
