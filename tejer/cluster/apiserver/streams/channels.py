"""The numbered channels of exec and attach: one WebSocket, or one SPDY stream for each.

Source: Kubernetes `k8s.io/apimachinery/pkg/util/remotecommand` and `kubelet/pkg/cri/streaming/remotecommand`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from aiohttp import WSMsgType, web

from tejer.cluster.apiserver.streams.connection import SpdyConnection, SpdyStream

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
_CLOSE = 255
"""v5.channel.k8s.io: a message `255, N` says that the client will send no more on channel N."""

WEBSOCKET_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io",
                       "channel.k8s.io", "base64.channel.k8s.io")  # fmt: skip
SPDY_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io")
MAX_MESSAGE = 16 << 20
"""Bytes of one WebSocket message from a client: as much as a SPDY frame holds. More would be the server's memory."""
_MESSAGE_SIZE = 32768
_STREAM_WAIT = 30.0
_SPDY_NUMBERS = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}


class Incoming(NamedTuple):
    """A message of the client on `channel`; `data` None: the client has closed that channel."""

    channel: int
    data: bytes | None


class Channels(Protocol):
    async def receive(self) -> Incoming | None:
        """The next message; None when the client has gone."""
        ...

    async def send(self, channel: int, data: bytes) -> None:
        """Swallowed when the client has gone."""
        ...

    async def close(self) -> None: ...


class WebSocketChannels:
    """One byte of channel number before every message; in base64 protocols one digit before base64 text."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._base64 = "base64" in (socket.ws_protocol or "")

    async def receive(self) -> Incoming | None:
        while True:
            message = await self._socket.receive()
            if message.type == WSMsgType.TEXT and message.data:
                # Not base64: the Python clients send text frames, channel as chr(n).
                parsed = _from_base64(message.data) if self._base64 else _from_bytes(message.data.encode())
            elif message.type == WSMsgType.BINARY and message.data:
                parsed = _from_bytes(message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return None
            else:
                continue
            if parsed is not None:
                return parsed

    async def send(self, channel: int, data: bytes) -> None:
        for start in range(0, max(len(data), 1), _MESSAGE_SIZE):
            piece = data[start : start + _MESSAGE_SIZE]
            try:
                if self._base64:
                    await self._socket.send_str(f"{channel}{base64.b64encode(piece).decode()}")
                else:
                    await self._socket.send_bytes(bytes([channel]) + piece)
            except OSError:
                return

    async def close(self) -> None:
        await self._socket.close()


def _from_bytes(data: bytes) -> Incoming | None:
    if data[0] == _CLOSE:
        return Incoming(data[1], None) if len(data) == 2 else None
    return Incoming(data[0], data[1:])


def _from_base64(text: str) -> Incoming | None:
    try:
        return Incoming(int(text[0]), base64.b64decode(text[1:], validate=True))
    except (ValueError, binascii.Error):
        return None


class SpdyChannels:
    """Each channel is a stream whose header `streamtype` names it. `run` feeds `receive`; start it in a TaskGroup."""

    def __init__(self, connection: SpdyConnection, streams: Mapping[str, SpdyStream]) -> None:
        self._connection = connection
        self._streams = {_SPDY_NUMBERS[name]: stream for name, stream in streams.items()}
        self._incoming: asyncio.Queue[Incoming | None] = asyncio.Queue(64)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for channel in (STDIN, RESIZE):
                if channel in self._streams:
                    group.create_task(self._read(channel, self._streams[channel]))
            await self._connection.closed.wait()
            await self._incoming.put(None)

    async def _read(self, channel: int, stream: SpdyStream) -> None:
        while data := await stream.read():
            await self._incoming.put(Incoming(channel, data))
        await self._incoming.put(Incoming(channel, None))

    async def receive(self) -> Incoming | None:
        return await self._incoming.get()

    async def send(self, channel: int, data: bytes) -> None:
        if stream := self._streams.get(channel):
            await stream.write(data)

    async def close(self) -> None:
        for stream in self._streams.values():
            await stream.close()


async def accept_streams(connection: SpdyConnection, wanted: set[str]) -> dict[str, SpdyStream]:
    """Wait until the client has opened all `wanted` streams. Raises TimeoutError, ConnectionResetError."""
    streams: dict[str, SpdyStream] = {}
    async with asyncio.timeout(_STREAM_WAIT):
        while not wanted <= streams.keys():
            stream = await connection.accept()
            if stream is None:
                raise ConnectionResetError("the client closed the connection before it had opened its streams")
            kind = stream.headers.get("streamtype", "")
            if kind in _SPDY_NUMBERS:
                streams[kind] = stream
    return streams
