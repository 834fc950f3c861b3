"""A pod backend without a node, a small server around the handlers, and a SPDY client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from multidict import MultiMapping

from tejer.cluster.apiserver.backend import ExecSession, LogOptions, PodBackend
from tejer.cluster.apiserver.streams.spdy import Event, SpdyFraming
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

POD: Body = {
    "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
    "spec": {"containers": [{"name": "app"}]},
    "status": {"phase": "Running"},
}


class EchoSession:
    """Echoes stdin to stdout until stdin is closed, says "bye" on stderr, exits with `code`."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.closed = False
        self.sizes: list[tuple[int, int]] = []
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def stdin_write(self, data: bytes) -> None:
        self._lines.put_nowait(data)

    async def stdin_close(self) -> None:
        self._lines.put_nowait(None)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while (line := await self._lines.get()) is not None:
            yield 1, line
        yield 2, b"bye"

    async def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def wait(self) -> int:
        return self.code

    async def close(self) -> None:
        self.closed = True
        self._lines.put_nowait(None)


@dataclass
class FakeBackend:
    """`log` is what logs yield; `port` what dial connects to."""

    log: list[bytes] = field(default_factory=list)
    port: int = 0
    code: int = 0
    sessions: list[EchoSession] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    options: list[LogOptions] = field(default_factory=list)

    async def logs(self, pod: Body, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.options.append(options)
        if options.previous:
            raise ApiError(400, "BadRequest", f'previous terminated container "{container}" not found')
        for chunk in self.log:
            yield chunk
        if options.follow:
            await asyncio.sleep(3600)

    async def exec(self, pod: Body, container: str, command: list[str], *, tty: bool, stdin: bool) -> ExecSession:
        if command == ["refused"]:
            raise ApiError(400, "BadRequest", "container app is not running")
        self.commands.append(command)
        return await self.attach(pod, container, tty=tty, stdin=stdin)

    async def attach(self, pod: Body, container: str, *, tty: bool, stdin: bool) -> ExecSession:
        session = EchoSession(self.code)
        if not stdin:
            await session.stdin_close()
        self.sessions.append(session)
        return session

    async def dial(self, pod: Body, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if port == 1:
            raise ConnectionRefusedError("connection refused")
        return await asyncio.open_connection("127.0.0.1", self.port)


Handler = Callable[[web.Request, Body, MultiMapping[str], PodBackend], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(handler: Handler, backend: FakeBackend) -> AsyncIterator[int]:
    """Serves `handler` for POD on every path; gives the port."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        try:
            return await handler(request, POD, request.query, backend)
        except ApiError as error:
            return web.json_response(error.body, status=error.code)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class SpdyClient:
    """Speaks SPDY/3.1 to `port` after the HTTP upgrade."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.framing = reader, writer, SpdyFraming()

    @classmethod
    async def connect(cls, port: int, query: str, protocol: str) -> SpdyClient:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /x?{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        writer.write(f"{head}X-Stream-Protocol-Version: {protocol}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer.splitlines()[0], answer
        return cls(reader, writer)

    def open(self, stream: int, **headers: str) -> None:
        self.writer.write(self.framing.open(stream, headers))

    def send(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        self.writer.write(self.framing.data(stream, data, fin=fin))

    async def events(self) -> list[Event]:
        """Events until the server closes."""
        events: list[Event] = []
        while data := await self.reader.read(65536):
            events += self.framing.receive(data)
        return events

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
