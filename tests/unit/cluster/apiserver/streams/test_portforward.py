import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tejer.cluster.apiserver.streams.portforward import handle_portforward
from tejer.cluster.apiserver.streams.spdy import DataReceived, Event, SpdyFraming
from tests.unit.cluster.apiserver.streams.fakes import FakeBackend, SpdyClient, serve


@asynccontextmanager
async def shouting_server() -> AsyncIterator[int]:
    """Answers everything it reads in upper case when the client has ended, then closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def data_of(events: list[Event], stream: int) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, DataReceived) and event.stream == stream)


def test_two_connections_over_spdy() -> None:
    async def scenario() -> None:
        async with shouting_server() as target, serve(handle_portforward, FakeBackend(port=target)) as port:
            client = await SpdyClient.connect(port, "", "portforward.k8s.io")
            for request, first, wanted in (("0", 1, "80"), ("1", 5, "1")):
                client.open(first, streamtype="error", port=wanted, requestid=request)
                client.open(first + 2, streamtype="data", port=wanted, requestid=request)
            client.send(3, b"hello", fin=True)
            await client.writer.drain()
            events: list[Event] = []
            while sum(isinstance(event, DataReceived) and event.fin for event in events) < 4:
                events += client.framing.receive(await client.reader.read(65536))
            await client.close()
        assert data_of(events, 3) == b"HELLO"
        assert b"error forwarding port 1 to pod u1" in data_of(events, 5)

    asyncio.run(scenario())


def test_spdy_in_a_websocket() -> None:
    async def scenario() -> None:
        async with (
            shouting_server() as target,
            serve(handle_portforward, FakeBackend(port=target)) as port,
            aiohttp.ClientSession() as client,
        ):
            protocols = ("SPDY/3.1+portforward.k8s.io",)
            async with client.ws_connect(f"ws://127.0.0.1:{port}/", protocols=protocols) as socket:
                framing = SpdyFraming()
                await socket.send_bytes(framing.open(1, {"streamtype": "error", "port": "80", "requestid": "0"}))
                await socket.send_bytes(framing.open(3, {"streamtype": "data", "port": "80", "requestid": "0"}))
                await socket.send_bytes(framing.data(3, b"hi", fin=True))
                events: list[Event] = []
                while sum(isinstance(event, DataReceived) and event.fin for event in events) < 2:
                    events += framing.receive(await socket.receive_bytes())
        assert data_of(events, 3) == b"HI"

    asyncio.run(scenario())


def test_numbered_channels_begin_with_their_port() -> None:
    async def scenario() -> None:
        async with serve(handle_portforward, FakeBackend()) as port, aiohttp.ClientSession() as client:
            url = f"ws://127.0.0.1:{port}/?ports=1"
            async with client.ws_connect(url, protocols=("v4.channel.k8s.io",)) as socket:
                assert await socket.receive_bytes() == b"\x00" + struct.pack("<H", 1)
                assert await socket.receive_bytes() == b"\x01" + struct.pack("<H", 1)
                assert b"error forwarding port 1" in await socket.receive_bytes()
            refused = await client.get(f"http://127.0.0.1:{port}/?ports=x", headers={"Upgrade": "websocket"})
            assert refused.status == 400

    asyncio.run(scenario())
