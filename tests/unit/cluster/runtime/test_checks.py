"""Probes against real listeners on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from grpclib.health.check import ServiceStatus
from grpclib.health.service import OVERALL, Health
from grpclib.server import Server

from tejer.cluster.runtime.checks import Target, check
from tejer.kube.kinds.core import Container, Probe
from tejer.kube.resource import Body, decode

HOST = "127.0.0.1"


async def ask(probe: Body, seconds: float = 2.0, **container: object) -> tuple[bool, str]:
    target = Target(Path("/nowhere"), decode({"name": "main", **container}, Container), HOST)
    return await check(decode(probe, Probe), target, seconds)


@asynccontextmanager
async def listening(answer: bytes, seen: list[bytes], delay: float = 0.0) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(writer)
        with suppress(asyncio.IncompleteReadError, TimeoutError):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            async with asyncio.timeout(delay):
                await over.wait()
        writer.write(answer)
        writer.close()

    over, served = asyncio.Event(), list[asyncio.StreamWriter]()
    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
        over.set()
        await asyncio.gather(*(writer.wait_closed() for writer in served), return_exceptions=True)


def test_http_by_status_with_its_own_headers_and_named_ports() -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        async with listening(b"HTTP/1.1 302 Found\r\n\r\n", seen) as port:
            ports = [{"name": "web", "containerPort": port}]
            get = {"path": "health", "port": "web", "httpHeaders": [{"name": "Host", "value": "mine"}]}
            assert (await ask({"httpGet": get}, ports=ports))[0]
            assert seen[0].startswith(b"GET /health HTTP/1.1\r\nHost: mine\r\nUser-Agent: kube-probe/")
            assert await ask({"httpGet": {"port": "nope"}}) == (
                False, "Get \"nope\": dial tcp 127.0.0.1: couldn't find port: 'nope' in container main",
            )  # fmt: skip
        async with listening(b"HTTP/1.1 503 No\r\n\r\n", seen) as port:
            assert await ask({"httpGet": {"path": "/", "port": port}}) == (
                False,
                "HTTP probe failed with statuscode: 503",
            )

    asyncio.run(scenario())


def test_what_does_not_answer_is_said_as_the_kubelet_says_it() -> None:
    async def scenario() -> None:
        async with listening(b"", [], delay=5) as port:
            ok, why = await ask({"httpGet": {"path": "/", "port": port}}, seconds=0.1)
            assert (ok, "context deadline exceeded" in why) == (False, True)
        ok, why = await ask({"httpGet": {"path": "/", "port": port}})
        assert why == f'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1: connect: connection refused'
        ok, why = await ask({"tcpSocket": {"port": port}})
        assert (ok, why) == (False, f"dial tcp 127.0.0.1:{port}: connect: connection refused")

    asyncio.run(scenario())


def test_tcp_is_content_with_a_connection() -> None:
    async def scenario() -> None:
        async with listening(b"", []) as port:
            assert (await ask({"tcpSocket": {"port": port}}))[0]

    asyncio.run(scenario())


def test_grpc_health() -> None:
    async def scenario() -> None:
        good, bad = ServiceStatus(), ServiceStatus()
        good.set(True)
        bad.set(False)
        server = Server([Health({OVERALL: [good], _Named(): [bad]})])
        await server.start(HOST, 0)
        listener = server._server
        assert isinstance(listener, asyncio.Server)
        port = listener.sockets[0].getsockname()[1]
        try:
            assert (await ask({"grpc": {"port": port}}))[0]
            ok, why = await ask({"grpc": {"port": port, "service": "bank.Ledger"}})
            assert (ok, why) == (False, "service unhealthy (responded with 'NOT_SERVING')")
            ok, why = await ask({"grpc": {"port": port, "service": "nobody"}})
            assert (ok, why.startswith("rpc error: code = 5")) == (False, True)
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(scenario())


class _Named:
    """What grpclib takes for a service: its name is read from the mapping's paths."""

    def __mapping__(self) -> dict[str, object]:
        return {"/bank.Ledger/Pay": None}
