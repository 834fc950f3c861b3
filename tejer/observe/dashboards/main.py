"""`python -m tejer.observe.dashboards.main`: Grafana's place, a server of dashboards on :3000.

In a pod it reads what a real Grafana would: $GF_PATHS_PROVISIONING, $GF_PATHS_DATA, $GF_SERVER_HTTP_PORT. By hand:

    python -m tejer.observe.dashboards.main --prometheus http://localhost:9090 --dashboards infrastructure/grafana
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tejer.kube.client import HttpApi
from tejer.kube.incluster import in_cluster, is_in_cluster
from tejer.kube.ports import GRAFANA
from tejer.observe.access.guard import AccessSettings
from tejer.observe.dashboards import provisioning
from tejer.observe.dashboards.library import Library, Shelf
from tejer.observe.dashboards.prometheus import DataSource
from tejer.observe.dashboards.server import HEALTH, client_session, make_app

log = logging.getLogger("tejer.dashboards")


@dataclass(frozen=True)
class Options:
    """`loopback`: run by hand, for whoever has this machine's loopback; otherwise RBAC decides."""

    host: str
    port: int
    sources: tuple[DataSource, ...]
    shelves: tuple[Shelf, ...]
    imported: Path | None
    loopback: bool


def read_options(arguments: Sequence[str], environ: Mapping[str, str], in_pod: bool) -> Options:
    """Raises ProvisioningError for provisioning files that can't be used."""
    parser = argparse.ArgumentParser(prog="grafana", description="Dashboards drawn from Grafana's JSON.")
    parser.add_argument("--prometheus", default="", help="address of a Prometheus, before provisioned data sources")
    parser.add_argument("--dashboards", action="append", default=[], type=Path, help="a folder of dashboard JSON")
    parser.add_argument("--data", default=environ.get("GF_PATHS_DATA", ""), help="where imported dashboards are kept")
    parser.add_argument(
        "--provisioning", default=environ.get("GF_PATHS_PROVISIONING", ""), help="Grafana's provisioning"
    )
    parser.add_argument("--port", type=int, default=int(environ.get("GF_SERVER_HTTP_PORT") or GRAFANA))
    given = parser.parse_args(arguments)
    root = Path(given.provisioning) if given.provisioning else None
    sources = provisioning.data_sources(root, environ) if root else []
    if given.prometheus:
        sources.insert(0, DataSource(name="Prometheus", uid="prometheus", url=given.prometheus, is_default=True))
    shelves = [Shelf("", path) for path in given.dashboards] + (provisioning.shelves(root, environ) if root else [])
    return Options(
        host="" if in_pod else "127.0.0.1",
        port=given.port,
        sources=tuple(sources),
        shelves=tuple(shelves),
        imported=Path(given.data) / "tejer-dashboards" if given.data else None,
        loopback=not in_pod,
    )


async def serve(options: Options) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    library = Library(options.shelves, options.imported)
    access = AccessSettings("grafana", exempt=(HEALTH,), open_on_loopback=options.loopback)
    async with asynccontextmanager(client_session)() as session:
        api = None if options.loopback else HttpApi(in_cluster(), field_manager="grafana")
        try:
            runner = web.AppRunner(make_app(library, options.sources, session, access, api), access_log=None)
            await runner.setup()
            try:
                await web.TCPSite(runner, options.host or None, options.port).start()
                log.info("%d dashboards on port %d", len(library.all()), options.port)
                await stop.wait()
            finally:
                await runner.cleanup()
        finally:
            if api is not None:
                await api.close()


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(serve(read_options(sys.argv[1:], os.environ, is_in_cluster())))
    except (OSError, ValueError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
