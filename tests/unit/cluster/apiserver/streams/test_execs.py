import asyncio
import base64
import json
from contextlib import suppress

import aiohttp
import pytest

from tejer.cluster.apiserver.streams.channels import MAX_MESSAGE
from tejer.cluster.apiserver.streams.execs import exit_status, handle_attach, handle_exec
from tejer.cluster.apiserver.streams.spdy import DataReceived
from tests.unit.cluster.apiserver.streams.fakes import FakeBackend, SpdyClient, serve


async def collect(socket: aiohttp.ClientWebSocketResponse) -> dict[int, bytes]:
    channels: dict[int, bytes] = {}
    async for message in socket:
        assert message.type == aiohttp.WSMsgType.BINARY
        channels[message.data[0]] = channels.get(message.data[0], b"") + message.data[1:]
    return channels


def test_websocket_v5_echoes_until_the_close_message() -> None:
    async def scenario() -> None:
        backend = FakeBackend(code=3)
        async with serve(handle_exec, backend) as port, aiohttp.ClientSession() as client:
            url = f"ws://127.0.0.1:{port}/exec?command=cat&command=-n&stdin=true&stdout=true&stderr=true&tty=true"
            async with client.ws_connect(url, protocols=("v5.channel.k8s.io", "v4.channel.k8s.io")) as socket:
                assert socket.protocol == "v5.channel.k8s.io"
                await socket.send_bytes(b'\x04{"Width":80,"Height":24}')
                await socket.send_bytes(b"\x04nonsense")
                await socket.send_bytes(b"\x00hello")
                await socket.send_str("\x00text")
                await socket.send_bytes(b"\xff\x00")
                channels = await collect(socket)
        assert (channels[1], channels[2]) == (b"hellotext", b"bye")
        assert json.loads(channels[3]) == exit_status(3)
        assert backend.commands == [["cat", "-n"]]
        assert backend.sessions[0].sizes == [(80, 24)]

    asyncio.run(scenario())


def test_a_message_too_large_ends_the_connection() -> None:
    async def scenario() -> None:
        backend = FakeBackend()
        async with serve(handle_exec, backend) as port, aiohttp.ClientSession() as client:
            url = f"ws://127.0.0.1:{port}/exec?command=cat&stdin=1&stdout=1"
            async with client.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket:
                with suppress(ConnectionError):  # the server may hang up before it has read it all
                    await socket.send_bytes(bytes(MAX_MESSAGE + 1))
                async with asyncio.timeout(10):
                    while not backend.sessions[0].closed:
                        await asyncio.sleep(0.02)

    asyncio.run(scenario())


def test_base64_protocol() -> None:
    async def scenario() -> None:
        async with serve(handle_exec, FakeBackend()) as port, aiohttp.ClientSession() as client:
            url = f"ws://127.0.0.1:{port}/exec?command=cat&stdin=1&stdout=1"
            async with client.ws_connect(url, protocols=("v4.base64.channel.k8s.io",)) as socket:
                await socket.send_str("0" + base64.b64encode(b"hi").decode())
                message = await socket.receive_str()
                assert message == "1" + base64.b64encode(b"hi").decode()

    asyncio.run(scenario())


def test_a_client_that_goes_ends_the_process() -> None:
    async def scenario() -> None:
        backend = FakeBackend()
        async with serve(handle_attach, backend) as port, aiohttp.ClientSession() as client:
            async with client.ws_connect(f"ws://127.0.0.1:{port}/?stdin=1", protocols=("v4.channel.k8s.io",)):
                pass
            await asyncio.sleep(0.05)
            assert backend.sessions[0].closed

    asyncio.run(scenario())


def test_spdy_echoes_until_stdin_ends() -> None:
    async def scenario() -> None:
        async with serve(handle_exec, FakeBackend(code=0)) as port:
            query = "command=cat&stdin=true&stdout=true&stderr=true"
            client = await SpdyClient.connect(port, query, "v4.channel.k8s.io")
            for stream, kind in ((1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")):
                client.open(stream, streamtype=kind)
            client.send(3, b"hello" * 10000)
            client.send(3, b"", fin=True)
            events = [event for event in await client.events() if isinstance(event, DataReceived)]
            await client.close()
        data = {stream: b"".join(e.data for e in events if e.stream == stream) for stream in (1, 5, 7)}
        assert (data[5], data[7]) == (b"hello" * 10000, b"bye")
        assert json.loads(data[1])["status"] == "Success"
        assert {event.stream for event in events if event.fin} == {1, 3, 5, 7}

    asyncio.run(scenario())


@pytest.mark.parametrize(("query", "text"), [("command=refused", "not running"), ("", "at least one command")])
def test_refusals_come_before_the_upgrade(query: str, text: str) -> None:
    async def scenario() -> None:
        async with serve(handle_exec, FakeBackend()) as port, aiohttp.ClientSession() as client:
            headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}
            response = await client.post(f"http://127.0.0.1:{port}/?{query}", headers=headers)
            assert response.status == 400
            assert text in (await response.json())["message"]

    asyncio.run(scenario())


def test_plain_requests_are_told_to_upgrade() -> None:
    async def scenario() -> None:
        async with serve(handle_exec, FakeBackend()) as port, aiohttp.ClientSession() as client:
            response = await client.post(f"http://127.0.0.1:{port}/?command=ls")
            assert "Upgrade request required" in await response.text()

    asyncio.run(scenario())
