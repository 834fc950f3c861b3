"""The hand-made gRPC health check against a real gRPC server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import grpclib.server
import pytest
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from tejer.envoy.agent.grpc_health import is_serving
from tejer.envoy.agent.grpc_unary import GrpcError, call, header_block
from tejer.envoy.agent.probes import run_probe
from tejer.envoy.proto import message_class

REQUEST: Any = message_class("grpc.health.v1.HealthCheckRequest")
RESPONSE: Any = message_class("grpc.health.v1.HealthCheckResponse")


class Health:
    async def check(self, stream: grpclib.server.Stream[Any, Any]) -> None:
        request = await stream.recv_message()
        assert request is not None
        if request.service == "unknown":
            raise GRPCError(Status.NOT_FOUND, "no service of that name: 100 %")
        await stream.send_message(RESPONSE(status=2 if request.service == "sick" else 1))

    def __mapping__(self) -> Mapping[str, Handler]:
        return {"/grpc.health.v1.Health/Check": Handler(self.check, Cardinality.UNARY_UNARY, REQUEST, RESPONSE)}


def test_serving_sick_unknown_and_absent() -> None:
    def ask(port: int) -> list[object]:
        def serving(service: str) -> bool:
            return is_serving(socket.create_connection(("127.0.0.1", port), 2), service)

        probe = (
            run_probe({"grpc": {"port": port}}, "127.0.0.1"),
            run_probe({"grpc": {"port": port, "service": "sick"}}, "127.0.0.1"),
        )
        return [*(serving(name) for name in ("", "bank", "sick", "unknown")), *(result.status for result in probe)]

    async def run() -> tuple[int, list[object]]:
        server = grpclib.server.Server([Health()])
        await server.start("127.0.0.1", 0)
        inner: Any = server._server
        port: int = inner.sockets[0].getsockname()[1]
        answers = await asyncio.to_thread(ask, port)
        server.close()
        await server.wait_closed()
        return port, answers

    port, answers = asyncio.run(run())
    assert answers == [True, True, False, False, 200, 500]
    assert run_probe({"grpc": {"port": port}}, "127.0.0.1").status == 500


def test_overlong_service_names_are_refused() -> None:
    one, other = socket.socketpair()
    with other, pytest.raises(ValueError, match="more than 100"):
        is_serving(one, "x" * 200)
    one.close()


def test_header_fields_are_plain_literals() -> None:
    assert header_block([("te", "x")]) == b"\x10\x02te\x01x"
    assert header_block([("a", "x" * 300)])[3:6] == bytes([127, 300 - 127 - 128 + 128, 1])


def test_a_refusal_is_told_in_the_servers_words() -> None:
    def ask(port: int) -> GrpcError:
        with socket.create_connection(("127.0.0.1", port), 2) as connection, pytest.raises(GrpcError) as caught:
            call(connection, "localhost", "/grpc.health.v1.Health/Check", b"\x0a\x07unknown", [("x-long", "y" * 5000)])
        return caught.value

    async def run() -> GrpcError:
        server = grpclib.server.Server([Health()])
        await server.start("127.0.0.1", 0)
        inner: Any = server._server
        refusal = await asyncio.to_thread(ask, inner.sockets[0].getsockname()[1])
        server.close()
        await server.wait_closed()
        return refusal

    refusal = asyncio.run(run())
    assert (refusal.status, refusal.message) == ("NOT_FOUND", "no service of that name: 100 %")


def test_a_peer_without_http2() -> None:
    one, other = socket.socketpair()
    other.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    other.close()
    with one, pytest.raises(OSError, match=r"HTTP/2|Broken pipe"):
        call(one, "x", "/x", b"")
