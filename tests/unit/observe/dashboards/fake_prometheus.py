"""A Prometheus that answers what a test says, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tejer.observe.access.guard import AccessSettings
from tejer.observe.dashboards.library import Library
from tejer.observe.dashboards.prometheus import DataSource
from tejer.observe.dashboards.server import client_session, make_app

Client = TestClient[web.Request, web.Application]


class Refusal(NamedTuple):
    """An answer that is no data."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass
class FakePrometheus:
    """`answers` by the query (or the label of a values call) that they are for; anything else gets an empty vector."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.route("*", "/api/v1/{path:.+}", self._on_request)])
        return app

    async def _on_request(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        given = {**request.query, **{key: str(value) for key, value in (await request.post()).items()}}
        self.asked.append((path, given))
        self.headers.append(dict(request.headers))
        key = path.split("/")[1] if path.startswith("label/") else given.get("query", "")
        answer = self.answers.get(key)
        if isinstance(answer, Refusal):
            return web.Response(status=answer.status, text=answer.text, headers=answer.headers)
        if answer is None:
            kind = "matrix" if path == "query_range" else "vector"
            answer = [] if path.startswith("label") else {"resultType": kind, "result": []}
        return web.json_response({"status": "success", "data": answer})


def refusal(status: int, error: str) -> Refusal:
    """As Prometheus says no."""
    return Refusal(status, json.dumps({"status": "error", "errorType": "execution", "error": error}))


@asynccontextmanager
async def serving(
    library: Library, prometheus: FakePrometheus, headers: tuple[tuple[str, str], ...] = ()
) -> AsyncIterator[Client]:
    """Our server before that Prometheus, open as when it is run by hand."""
    async with TestServer(prometheus.app()) as upstream, asynccontextmanager(client_session)() as session:
        source = DataSource(name="P", uid="p", url=str(upstream.make_url("")), is_default=True, headers=headers)
        app = make_app(library, [source], session, AccessSettings("grafana", open_on_loopback=True), None)
        async with TestClient(TestServer(app)) as client:
            yield client
