"""OTLP over gRPC, :4317: TraceService and LogsService, one message in, one out."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpclib.const
import grpclib.server
from google.protobuf.message import DecodeError
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError

from tejer.observe.traces.doors.body import BadBody, unpack
from tejer.observe.traces.doors.intake import Busy, Intake
from tejer.observe.traces.doors.otlp_http import RECORDS, TRACES, Signal, partial_success
from tejer.observe.traces.doors.otlp_messages import message
from tejer.observe.traces.limits import Limits
from tejer.observe.traces.store.writer import StoreError

DOOR = "otlp-grpc"
_PIECE = 64 << 10
_Stream = grpclib.server.Stream[Any, Any]
_TRACE_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_LOGS_EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_CONFIG = Configuration(http2_connection_window_size=1 << 20, http2_stream_window_size=1 << 20)


class _Codec(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message.SerializeToString())

    def decode(self, data: bytes, message_type: Any) -> Any:
        raise NotImplementedError  # messages are read by `_receive`, within the limits


class _Services:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def __mapping__(self) -> dict[str, grpclib.const.Handler]:
        return {_TRACE_EXPORT: self._handler(TRACES), _LOGS_EXPORT: self._handler(RECORDS)}

    def _handler(self, signal: Signal) -> grpclib.const.Handler:
        request, response = message(signal.request), message(signal.response)

        async def export(stream: _Stream) -> None:
            try:
                with self._intake.holding() as hold:
                    body = await _receive(stream, self._intake.limits, hold)
                    reading = await self._intake.decode(
                        len(body), lambda: signal.read(request.FromString(body), self._intake.limits)
                    )
                    await self._intake.take(DOOR, signal.what, reading)
            except DecodeError as error:
                raise GRPCError(Status.INVALID_ARGUMENT, f"not a {request.DESCRIPTOR.name}: {error}") from None
            except (Busy, StoreError) as error:
                raise GRPCError(Status.UNAVAILABLE, str(error)) from None
            await stream.send_message(partial_success(signal, reading))

        return grpclib.const.Handler(export, grpclib.const.Cardinality.UNARY_UNARY, request, response)


async def _receive(stream: _Stream, limits: Limits, hold: Callable[[int], None]) -> bytes:
    """The one message of the call, unpacked. grpclib's own reading has no limit and no compression."""
    try:
        async with asyncio.timeout(limits.seconds):
            packed, body = await _framed(stream, limits, hold)
    except TimeoutError:
        raise GRPCError(Status.DEADLINE_EXCEEDED, f"the message did not come within {limits.seconds:g} s") from None
    encoding = stream.metadata.get("grpc-encoding", "gzip") if stream.metadata else "gzip"
    if packed and encoding != "gzip":
        raise GRPCError(Status.UNIMPLEMENTED, f"compression {str(encoding)[:40]!r} is not supported: use gzip or none")
    try:
        unpacked = unpack(body, limits) if packed else body
    except BadBody as error:
        status = Status.RESOURCE_EXHAUSTED if error.status == 413 else Status.INVALID_ARGUMENT
        raise GRPCError(status, str(error)) from None
    if packed:
        hold(len(unpacked))
    return unpacked


async def _framed(stream: _Stream, limits: Limits, hold: Callable[[int], None]) -> tuple[bool, bytes]:
    """Whether the message is packed, and its bytes."""
    inner = stream._stream
    head = await inner.recv_data(5)
    if len(head) < 5:
        raise GRPCError(Status.INVALID_ARGUMENT, "the call has no message")
    packed, size = struct.unpack(">?I", head)
    if size > limits.body:
        raise GRPCError(
            Status.RESOURCE_EXHAUSTED,
            f"the message has {size} bytes, at most {limits.body} are taken: send smaller batches",
        )
    body = bytearray()
    while len(body) < size:
        piece = await inner.recv_data(min(_PIECE, size - len(body)))
        if not piece:
            raise GRPCError(Status.INVALID_ARGUMENT, "the message ends early")
        hold(len(piece))
        body += piece
    return packed, bytes(body)


@asynccontextmanager
async def listening_grpc(intake: Intake, host: str | None, port: int) -> AsyncIterator[None]:
    """Raises OSError where the port is taken."""
    logging.getLogger("grpclib").setLevel(logging.WARNING)
    server = grpclib.server.Server([_Services(intake)], codec=_Codec(), config=_CONFIG)
    await server.start(host, port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
