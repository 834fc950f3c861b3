"""Server-sent events: streams of JSON to pages, for a bounded number of clients, with heartbeats.

A client that reads too slowly loses the oldest events, never the server's memory. Source: HTML Living Standard, 9.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import hdrs, web

MAX_CLIENTS = 100
MAX_WAITING = 64
"""Events kept for one client that is behind."""
HEARTBEAT_SECONDS = 15.0
_HEADERS = {hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store", "X-Accel-Buffering": "no"}


class Events:
    """One topic: `publish` reaches every client of `stream`."""

    def __init__(self, limit: int = MAX_CLIENTS, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._limit, self._heartbeat = limit, heartbeat
        self._clients: set[asyncio.Queue[bytes | None]] = set()

    @property
    def clients(self) -> int:
        return len(self._clients)

    def publish(self, name: str, data: Any) -> None:
        """Send an event to every client."""
        line = frame(name, data)
        for queue in self._clients:
            _put(queue, line)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for queue in self._clients:
            _put(queue, None)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The handler of a route. Answers 503 when MAX_CLIENTS listen already; browsers try again by themselves."""
        if len(self._clients) >= self._limit:
            raise web.HTTPServiceUnavailable(
                text=f"{self._limit} pages listen already, close some\n", headers={hdrs.RETRY_AFTER: "10"}
            )
        response = web.StreamResponse(headers=_HEADERS)
        with self._client() as queue:
            await response.prepare(request)
            await response.write(b"retry: 3000\n\n")
            async for line in self._lines(queue):
                await response.write(line)
        return response

    @contextmanager
    def _client(self) -> Any:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING)
        self._clients.add(queue)
        try:
            yield queue
        finally:
            self._clients.discard(queue)

    async def _lines(self, queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._heartbeat):
                    line = await queue.get()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if line is None:
                return
            yield line


def frame(name: str, data: Any) -> bytes:
    """One event. `name` is one line; `data` becomes JSON, which never holds a bare line break."""
    if "\n" in name or "\r" in name:
        raise ValueError(f"an event's name is one line, not {name!r}")
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _put(queue: asyncio.Queue[bytes | None], line: bytes | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(line)
