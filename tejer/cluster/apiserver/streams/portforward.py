"""`pods/NAME/portforward`: over SPDY/3.1, over SPDY inside a WebSocket (kubectl >= 1.31), and over numbered channels
of a WebSocket (the Python clients).

Each connection of the client's is a pair of SPDY streams with one `requestid`: `error` first, then `data`.
Source: `kubelet/pkg/cri/streaming/portforward/{httpstream,websocket}.go`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web
from multidict import MultiMapping

from tejer.cluster.apiserver.backend import PodBackend
from tejer.cluster.apiserver.streams.channels import MAX_MESSAGE
from tejer.cluster.apiserver.streams.connection import (
    SpdyConnection,
    SpdyStream,
    UpgradedResponse,
    hijack,
    is_spdy,
    is_websocket,
    tunnel,
    upgrade_required,
)
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata

_SPDY_PROTOCOL = "portforward.k8s.io"
_TUNNEL = "SPDY/3.1+portforward.k8s.io"
_CHANNELS = "v4.channel.k8s.io"
_READ_SIZE = 32768

_Read = Callable[[], Awaitable[bytes]]
_Write = Callable[[bytes], Awaitable[None]]


async def handle_portforward(
    request: web.Request, pod: Body, params: MultiMapping[str], backend: PodBackend
) -> web.StreamResponse:
    """Serve connections to ports of `pod` until the client goes. Raises ApiError before the upgrade."""
    phase = (pod.get("status") or {}).get("phase", "Pending")
    if phase != "Running":
        raise ApiError(400, "BadRequest", f"unable to forward port because pod is not running. Current status={phase}")
    if is_spdy(request):
        connection, writer = hijack(request, (_SPDY_PROTOCOL,))
        try:
            await _forward_all(connection, pod, backend)
        finally:
            writer.close()
        return UpgradedResponse()
    if not is_websocket(request):
        raise upgrade_required()
    socket = web.WebSocketResponse(protocols=(_TUNNEL, _CHANNELS, _SPDY_PROTOCOL), max_msg_size=MAX_MESSAGE)
    if request.headers.get("Sec-WebSocket-Protocol", "").find(_TUNNEL) < 0:
        ports = _ports(params)
        await socket.prepare(request)
        await _forward_channels(socket, ports, pod, backend)
        return socket
    await socket.prepare(request)
    await _forward_all(tunnel(socket), pod, backend)
    return socket


def _ports(params: MultiMapping[str]) -> list[int]:
    texts = [text for value in params.getall("ports", []) for text in value.split(",")]
    if not texts or not all(text.isdecimal() and 0 < int(text) < 65536 for text in texts):
        raise ApiError(400, "BadRequest", f"query parameter 'ports' is {texts}; give at least one port, 1 to 65535")
    return [int(text) for text in texts]


async def _forward_all(connection: SpdyConnection, pod: Body, backend: PodBackend) -> None:
    waiting: dict[str, SpdyStream] = {}
    async with asyncio.TaskGroup() as group:
        pump = group.create_task(connection.pump())
        connections = set()
        while (stream := await connection.accept()) is not None:
            request_id = stream.headers.get("requestid", str(stream.ident - stream.ident % 4))
            other = waiting.pop(request_id, None)
            if other is None:
                waiting[request_id] = stream
                continue
            error, data = (other, stream) if other.headers.get("streamtype") == "error" else (stream, other)
            task = group.create_task(_forward_pair(error, data, pod, backend))
            connections.add(task)
            task.add_done_callback(connections.discard)
        pump.cancel()
        for task in connections:
            task.cancel()


async def _forward_pair(error: SpdyStream, data: SpdyStream, pod: Body, backend: PodBackend) -> None:
    text = data.headers.get("port", "")
    if text.isdecimal():
        await _forward(int(text), data.read, data.write, error.write, pod, backend)
    else:
        await error.write(f"port {text!r} is not a number".encode())
    await data.close()
    await error.close()


async def _forward(port: int, read: _Read, write: _Write, complain: _Write, pod: Body, backend: PodBackend) -> None:
    """Connect to `port` in the pod and copy both ways until the pod's side has closed."""
    try:
        reader, writer = await backend.dial(pod, port)
    except (OSError, ApiError) as error:
        uid = metadata(pod).get("uid", "")
        await complain(f"error forwarding port {port} to pod {uid}: {error}".encode())
        return
    try:
        async with asyncio.TaskGroup() as group:
            upstream = group.create_task(_upload(read, writer))
            while data := await _received(reader):
                await write(data)
            upstream.cancel()
    finally:
        writer.close()


async def _received(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_READ_SIZE)
    except OSError:
        return b""


async def _upload(read: _Read, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await read():
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        return  # the pod closed: the other direction ends too


async def _forward_channels(socket: web.WebSocketResponse, ports: list[int], pod: Body, backend: PodBackend) -> None:
    """Channels 2i (data) and 2i+1 (errors) for the i-th port; each begins with the port, little endian."""
    queues: list[asyncio.Queue[bytes]] = [asyncio.Queue(64) for _ in ports]

    def sender(channel: int) -> _Write:
        async def send(data: bytes) -> None:
            if not socket.closed:
                await socket.send_bytes(bytes([channel]) + data)

        return send

    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await sender(channel)(struct.pack("<H", port))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_forward(port, queues[index].get, sender(2 * index), sender(2 * index + 1), pod, backend))
            for index, port in enumerate(ports)
        ]
        async for message in socket:
            data = message.data.encode() if message.type == WSMsgType.TEXT else message.data
            if data and data[0] % 2 == 0 and data[0] // 2 < len(ports):
                await queues[data[0] // 2].put(data[1:])
        for task in tasks:
            task.cancel()
