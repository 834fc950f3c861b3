"""The server's shell, whichever engine is behind it: access, pages, the listening socket, signals."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tejer.kube.api import Api
from tejer.observe.access.guard import AccessSettings
from tejer.observe.access.protect import protect
from tejer.observe.metrics.options import Options
from tejer.observe.web.pages import page_routes
from tejer.observe.web.places import PROMETHEUS

log = logging.getLogger(__name__)

READING = ("/api/v1/query", "/api/v1/query_range", "/api/v1/query_exemplars", "/api/v1/series", "/api/v1/labels",
           "/api/v1/format_query", "/api/v1/parse_query")  # fmt: skip
"""Paths that clients POST long questions to."""
EXEMPT = ("/metrics",)
"""What scrapers may read without a token, as of any pod."""
LARGEST_QUESTION = 4 * 1024 * 1024
STOP_SECONDS = 3.0
"""How long requests in flight may go on when we are told to stop."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def make_app(options: Options, api: Api | None, routes: list[web.RouteDef]) -> web.Application:
    """Raises ValueError where the address is open to others and no API server can be asked who they are."""
    app = web.Application(client_max_size=LARGEST_QUESTION)
    settings = AccessSettings(
        service="prometheus", exempt=EXEMPT, reading=READING, open_on_loopback=options.host in _LOOPBACK
    )
    protect(app, settings, api)
    app.add_routes(routes)
    app.add_routes(page_routes(PROMETHEUS))
    return app


@asynccontextmanager
async def listening(app: web.Application, options: Options) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port).start()
        log.info("listening on %s:%d", options.host, options.port)
        yield
    finally:
        await runner.cleanup()


def on_hangup(reload: Callable[[], object]) -> None:
    """SIGHUP reloads, as in Prometheus."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


async def until_stopped(stopped: asyncio.Event) -> None:
    """Until SIGTERM, SIGINT or `stopped`."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    log.info("stopping")
