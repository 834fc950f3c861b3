"""`python -m tejer.observe.traces.main`: Jaeger's place. Spans and access logs in, traces out."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from tejer.kube.client import HttpApi
from tejer.kube.incluster import in_cluster
from tejer.observe.logs.records import Record
from tejer.observe.logs.table import write as write_logs
from tejer.observe.traces.doors.intake import Intake
from tejer.observe.traces.forward import Forwarder
from tejer.observe.traces.limits import LIMITS
from tejer.observe.traces.options import Options, read_options
from tejer.observe.traces.serving import listening, query_app
from tejer.observe.traces.store.store import Store
from tejer.observe.traces.store.writing import SpanTables

log = logging.getLogger("tejer.jaeger")


async def serve(options: Options) -> None:
    """Until SIGTERM or SIGINT; what was received is on disk then."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as blocks:
        api = None
        if not options.loopback:
            api = await blocks.enter_async_context(HttpApi(in_cluster(), field_manager="jaeger"))
        store = await blocks.enter_async_context(Store(options.path, options.retention))
        forwarder = await blocks.enter_async_context(Forwarder(options.forward))

        async def keep_logs(records: Sequence[Record]) -> None:
            def work(tables: SpanTables) -> None:
                write_logs(tables.db, records, store.clock())

            await store.do(work)

        intake = Intake(store.add, keep_logs, LIMITS, forwarder)
        await blocks.enter_async_context(listening(options, query_app(options, store, intake, forwarder, api), intake))
        gc.freeze()  # what start-up left stays
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(store.keep_swept()), group.create_task(forwarder.run())]
            await stopped.wait()
            log.info("stopping")
            for task in tasks:
                task.cancel()


def main() -> int:
    options = read_options(None, os.environ)
    logging.basicConfig(
        level=options.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        asyncio.run(serve(options))
    except (OSError, ValueError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
