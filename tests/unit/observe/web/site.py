"""Prometheus's and Jaeger's pages over answers made here, in a thread: what a browser needs to be tested with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tejer.observe.web.pages import page_routes
from tejer.observe.web.places import Place

Answers = Mapping[str, Any]
"""Path to JSON, or to (status, JSON)."""
_SECONDS = 20


class Site:
    """`base` is its address. Used as a context manager; `asked` are the API's requests, path and query."""

    def __init__(self, place: Place, answers: Answers) -> None:
        self._place, self._answers = place, answers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self.base = ""
        self.asked: list[str] = []

    def __enter__(self) -> Site:
        self._thread.start()
        assert self._ready.wait(_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_SECONDS)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.add_routes([*page_routes(self._place), web.get("/api/{path:.*}", self._on_api)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _on_api(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        answer = self._answers.get(request.path, (404, {"error": f"no answer made for {request.path}"}))
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return web.json_response(body, status=status)
