"""SPDY streams over any byte pipe: a hijacked TCP connection, or the messages of a WebSocket tunnel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from aiohttp import WSMsgType, web

from tejer.cluster.apiserver.streams.spdy import (
    DataReceived,
    Event,
    GoAway,
    PingReceived,
    ProtocolError,
    SpdyFraming,
    StreamOpened,
    StreamReset,
)
from tejer.kube.api import ApiError

UPGRADE = "SPDY/3.1"
_READ_SIZE = 65536
_QUEUED_CHUNKS = 256
"""Chunks that wait per stream before the whole connection stops reading (back-pressure, as in spdystream)."""


class SpdyStream:
    """One stream that the client opened. `read` gives b"" at its end."""

    def __init__(self, connection: SpdyConnection, ident: int, headers: dict[str, str]) -> None:
        self.connection, self.ident, self.headers = connection, ident, headers
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue(_QUEUED_CHUNKS)
        self._closed = False

    async def read(self) -> bytes:
        return await self.incoming.get()

    async def write(self, data: bytes) -> None:
        if not self._closed and data:
            await self.connection.send(self.connection.framing.data(self.ident, data))

    async def close(self) -> None:
        """End our side; the client may still send."""
        if not self._closed:
            self._closed = True
            await self.connection.send(self.connection.framing.data(self.ident, b"", fin=True))


class SpdyConnection:
    """`pump` runs while the connection lives; `accept` gives the streams as they come, None when there are no more."""

    def __init__(self, chunks: AsyncIterator[bytes], write: Callable[[bytes], Awaitable[None]]) -> None:
        self.framing = SpdyFraming()
        self._chunks, self._write = chunks, write
        self._streams: dict[int, SpdyStream] = {}
        self._opened: asyncio.Queue[SpdyStream | None] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def accept(self) -> SpdyStream | None:
        return await self._opened.get()

    async def send(self, frame: bytes) -> None:
        """Write one frame; a connection that is gone swallows it (`pump` has noticed, or will)."""
        try:
            await self._write(frame)
        except OSError:
            return

    async def pump(self) -> None:
        try:
            async for chunk in self._chunks:
                for event in self.framing.receive(chunk):
                    if isinstance(event, GoAway):
                        return
                    await self._handle(event)
        except (OSError, ProtocolError):
            return  # the client is gone or talks nonsense: the same to us
        finally:
            self.closed.set()
            self._opened.put_nowait(None)
            for stream in self._streams.values():
                _end(stream)

    async def _handle(self, event: Event) -> None:
        if isinstance(event, StreamOpened):
            stream = self._streams[event.stream] = SpdyStream(self, event.stream, event.headers)
            await self.send(self.framing.accept(event.stream))
            self._opened.put_nowait(stream)
            if event.fin:
                _end(stream)
        elif isinstance(event, DataReceived) and (found := self._streams.get(event.stream)):
            if event.data:
                await found.incoming.put(event.data)
            if event.fin:
                await found.incoming.put(b"")
        elif isinstance(event, StreamReset) and (found := self._streams.pop(event.stream, None)):
            _end(found)
        elif isinstance(event, PingReceived):
            await self.send(self.framing.pong(event.ident))


def _end(stream: SpdyStream) -> None:
    """Put the end mark even when the queue is full: nobody may wait for data that can't come."""
    if stream.incoming.full():
        stream.incoming.get_nowait()
    stream.incoming.put_nowait(b"")


class _Hijacked(asyncio.StreamReaderProtocol):
    """Takes a connection over from aiohttp's parser and tells aiohttp when it is lost."""

    def __init__(self, reader: asyncio.StreamReader, before: asyncio.BaseProtocol) -> None:
        super().__init__(reader)
        self._before = before

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._before.connection_lost(exc)


class UpgradedResponse(web.StreamResponse):
    """Tells aiohttp that the connection has been used up by another protocol."""

    async def prepare(self, request: web.BaseRequest) -> None:
        self._req = request
        self._eof_sent = True
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        return


def is_spdy(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == UPGRADE.lower()


def is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def upgrade_required() -> ApiError:
    return ApiError(400, "BadRequest", "Upgrade request required: ask for a WebSocket or SPDY/3.1")


def hijack(request: web.Request, protocols: Iterable[str]) -> tuple[SpdyConnection, asyncio.StreamWriter]:
    """Answer 101 with the first of `protocols` that the client offers, and speak SPDY from now on."""
    offered = [
        name.strip() for line in request.headers.getall("X-Stream-Protocol-Version", []) for name in line.split(",")
    ]
    chosen = next((name for name in protocols if name in offered), None)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    if chosen is None:
        message = f"unable to upgrade: none of the protocols {offered} is spoken here; offer one of {list(protocols)}"
        raise ApiError(403, "Forbidden", message)
    reader = asyncio.StreamReader()
    protocol = _Hijacked(reader, transport.get_protocol())
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
    head = f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {UPGRADE}\r\n"
    writer.write(f"{head}X-Stream-Protocol-Version: {chosen}\r\n\r\n".encode())

    async def write(frame: bytes) -> None:
        writer.write(frame)
        await writer.drain()

    return SpdyConnection(_chunks_of(reader), write), writer


async def _chunks_of(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await reader.read(_READ_SIZE):
        yield chunk


def tunnel(socket: web.WebSocketResponse) -> SpdyConnection:
    """SPDY inside the binary messages of a WebSocket (`SPDY/3.1+portforward.k8s.io`)."""

    async def chunks() -> AsyncIterator[bytes]:
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                yield message.data

    return SpdyConnection(chunks(), socket.send_bytes)
