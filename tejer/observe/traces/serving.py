"""The listening sockets: one guarded application for people and their tools, and the doors that pods send to."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from tejer.kube.api import Api
from tejer.observe.access.guard import AccessSettings
from tejer.observe.access.protect import protect
from tejer.observe.logs.api import log_routes
from tejer.observe.traces import selfmetrics
from tejer.observe.traces.api.spanmetrics import metrics_routes
from tejer.observe.traces.api.v1 import v1_routes
from tejer.observe.traces.api.v3 import v3_routes
from tejer.observe.traces.doors.intake import Intake
from tejer.observe.traces.doors.otlp_grpc import listening_grpc
from tejer.observe.traces.doors.otlp_http import otlp_routes
from tejer.observe.traces.doors.zipkin import zipkin_routes
from tejer.observe.traces.forward import Forwarder
from tejer.observe.traces.options import Options
from tejer.observe.traces.store.store import Store
from tejer.observe.traces.store.writer import StoreError
from tejer.observe.web.pages import page_routes
from tejer.observe.web.places import JAEGER as PLACE

log = logging.getLogger(__name__)
SERVICE = "tracing"
"""The Service whose `services/proxy` right callers need, as Istio's addon names it."""
EXEMPT = ("/metrics",)
READING = ("/api/transform",)
_LARGEST_UPLOAD = 32 << 20


def query_app(options: Options, store: Store, intake: Intake, forwarder: Forwarder, api: Api | None) -> web.Application:
    """:16686. Raises ValueError where it is open to others and no API server can be asked who they are."""
    app = web.Application(client_max_size=_LARGEST_UPLOAD)
    protect(app, AccessSettings(SERVICE, exempt=EXEMPT, reading=READING, open_on_loopback=options.loopback), api)
    app.add_routes([*v1_routes(store), *v3_routes(store), *metrics_routes(store), *log_routes(store)])
    app.add_routes([*_own_routes(store, intake, forwarder), *page_routes(PLACE)])
    return app


def _own_routes(store: Store, intake: Intake, forwarder: Forwarder) -> list[web.RouteDef]:
    began = time.time()

    async def on_health(_: web.Request) -> web.StreamResponse:
        """Alive though the disk may not be: reads go on, and a restart would not mend it."""
        return web.Response(text=f"ok\n{store.writer.problem}\n" if store.writer.problem else "ok\n")

    async def on_metrics(_: web.Request) -> web.StreamResponse:
        gauges = {"store_writable": float(not store.writer.problem), "start_time_seconds": began}
        try:
            gauges["store_bytes"] = await store.used_bytes()
        except StoreError as error:
            log.debug("no size of the store: %s", error)
        return web.Response(text=selfmetrics.text(intake.counts, forwarder.counts, gauges))

    return [web.get("/healthz", on_health), web.get("/metrics", on_metrics)]


@asynccontextmanager
async def listening(options: Options, query: web.Application, intake: Intake) -> AsyncIterator[None]:
    """All four ports, until the block ends. Raises OSError where one is taken."""
    doors = (
        (options.port, query),
        (options.otlp_http, _door_app(otlp_routes(intake))),
        (options.zipkin, _door_app(zipkin_routes(intake))),
    )
    async with AsyncExitStack() as stack:
        for port, app in doors:
            # Bodies are unpacked by the doors themselves, within their limits.
            runner = web.AppRunner(app, access_log=None, auto_decompress=False)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, options.host or None, port).start()
        await stack.enter_async_context(listening_grpc(intake, options.host or None, options.otlp_grpc))
        log.info(
            "queries on port %d, OTLP on %d (gRPC) and %d (HTTP), Zipkin on %d",
            options.port, options.otlp_grpc, options.otlp_http, options.zipkin,
        )  # fmt: skip
        yield


def _door_app(routes: list[web.RouteDef]) -> web.Application:
    async def on_health(_: web.Request) -> web.StreamResponse:
        return web.Response(text="ok\n")

    app = web.Application()
    app.add_routes([*routes, web.get("/healthz", on_health)])
    return app
