"""The server of dashboards put together: pages, our API, Grafana's API, and who may use them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import aiohttp
from aiohttp import web

from tejer.kube.api import Api
from tejer.observe.access.guard import AccessSettings
from tejer.observe.access.protect import protect
from tejer.observe.dashboards.api.drawn import drawn_routes
from tejer.observe.dashboards.api.grafana import grafana_routes
from tejer.observe.dashboards.api.service import Service
from tejer.observe.dashboards.library import Library
from tejer.observe.dashboards.prometheus import DataSource, Prometheus
from tejer.observe.dashboards.sources import Sources
from tejer.observe.web.pages import page_routes
from tejer.observe.web.places import GRAFANA

MAX_CONNECTIONS = 16
HEALTH = "/api/health"
"""Grafana's probe path: it tells nothing, so it needs no token."""


def make_app(
    library: Library,
    sources: Sequence[DataSource],
    session: aiohttp.ClientSession,
    access: AccessSettings,
    api: Api | None,
) -> web.Application:
    """`sources` has one or more; without a default among them the first is it. Raises ValueError for none."""
    if not sources:
        raise ValueError("no data source of type prometheus: name one in provisioning/datasources or give --prometheus")
    clients = [Prometheus(source, session) for source in sources]
    default = next((client for client in clients if client.source.is_default), clients[0])
    service = Service(library, Sources(clients, default))
    app = web.Application()
    protect(app, access, api)
    app.add_routes([web.get("/healthz", _healthy), *grafana_routes(service), *drawn_routes(service)])
    app.add_routes(page_routes(GRAFANA))
    return app


async def _healthy(_: web.Request) -> web.StreamResponse:
    return web.Response(text="ok\n")


async def client_session() -> AsyncIterator[aiohttp.ClientSession]:
    """For data sources: no cookies kept, no proxies of the environment, few connections."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        yield session
