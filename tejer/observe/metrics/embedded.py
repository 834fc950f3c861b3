"""Our own engine as Prometheus's place: scraping, the store and the query API in one process."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, closing, suppress

from aiohttp import web

from tejer.kube.client import HttpApi
from tejer.observe.metrics.api.asking import Asker
from tejer.observe.metrics.api.federate import federate_routes
from tejer.observe.metrics.api.query import query_routes
from tejer.observe.metrics.api.status import About, status_routes
from tejer.observe.metrics.api.targets import target_routes
from tejer.observe.metrics.clusters import Clusters
from tejer.observe.metrics.current import CurrentConfig
from tejer.observe.metrics.loading import ConfigError
from tejer.observe.metrics.options import Options
from tejer.observe.metrics.promql.engine import read_matchers
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.scalars import format_milliseconds
from tejer.observe.metrics.scrape.scraper import Scraper
from tejer.observe.metrics.serving import listening, make_app, on_hangup, until_stopped
from tejer.observe.metrics.store.store import Store

log = logging.getLogger(__name__)
GARBAGE = (100_000, 20, 20)
"""The collector's thresholds: a large query makes many tuples and no cycles; the default costs it a quarter."""


async def serve_embedded(options: Options, api: HttpApi | None, clock: Callable[[], int]) -> int:
    """Run until SIGTERM. Raises OSError or ValueError for what keeps it from starting."""
    started = clock()
    gc.set_threshold(*GARBAGE)
    options.data.mkdir(parents=True, exist_ok=True)
    with closing(Store(options.data, options.retention, options.retention_bytes)) as store:
        async with AsyncExitStack() as blocks, asyncio.TaskGroup() as tasks:
            scraper = Scraper(store, clock, tasks, Clusters(api, tasks, blocks).of)
            current = CurrentConfig(options.config, scraper.apply, clock)
            await current.reload()
            asker = Asker(store, Limits())
            blocks.callback(asker.close)
            about = About(
                current, lambda: scraper.pools, store, options.flags, started, format_milliseconds(options.retention)
            )
            await blocks.enter_async_context(
                listening(make_app(options, api, _routes(about, store, asker, clock)), options)
            )

            async def reload() -> None:
                with suppress(ConfigError):  # it is said in the log, and in the server's status
                    await current.reload()

            on_hangup(lambda: tasks.create_task(reload()))
            await until_stopped(asyncio.Event())
            await scraper.close()
    return 0


def _routes(about: About, store: Store, asker: Asker, clock: Callable[[], int]) -> list[web.RouteDef]:
    def external_labels() -> Mapping[str, str]:
        return about.current.loaded.config.global_.external_labels

    return [
        *query_routes(asker, clock),
        *target_routes(about.pools, read_matchers),
        *federate_routes(store, read_matchers, external_labels, clock),
        *status_routes(about),
    ]
