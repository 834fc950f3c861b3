"""A target that says what a test tells it to."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Exposing:
    """Answers every path with `body`, or with what `answer` makes. `requests` are those it got."""

    def __init__(self) -> None:
        self.body: str | bytes = "a 1\n"
        self.status = 200
        self.headers = {"Content-Type": "text/plain; version=0.0.4"}
        self.answer: Answer | None = None
        self.requests: list[web.Request] = []
        self.address = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.answer is not None:
            return await self.answer(request)
        data = self.body.encode() if isinstance(self.body, str) else self.body
        return web.Response(status=self.status, body=data, headers=self.headers)


@asynccontextmanager
async def exposing(tls: ssl.SSLContext | None = None) -> AsyncIterator[Exposing]:
    target = Exposing()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        target.address = f"127.0.0.1:{runner.addresses[0][1]}"
        yield target
    finally:
        await runner.cleanup()
