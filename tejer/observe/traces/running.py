"""The server put together: store, doors, queries, what goes onward, and the broom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from tejer.kube.api import Api
from tejer.observe.logs import table
from tejer.observe.logs.records import Record
from tejer.observe.traces.doors.intake import Intake
from tejer.observe.traces.forward import Forwarder
from tejer.observe.traces.limits import LIMITS
from tejer.observe.traces.options import Options
from tejer.observe.traces.serving import listening, query_app
from tejer.observe.traces.store.store import Store
from tejer.observe.traces.store.writing import SpanTables


@asynccontextmanager
async def running(options: Options, api: Api | None) -> AsyncIterator[Store]:
    """Listens until the block ends. `api` says who may query; None only on the loopback.

    Raises OSError where a port is taken, ValueError for a store of a newer Tejer.
    """
    async with AsyncExitStack() as blocks:
        store = await blocks.enter_async_context(Store(options.path, options.retention))
        forwarder = await blocks.enter_async_context(Forwarder(options.forward))

        async def keep_logs(records: Sequence[Record]) -> None:
            def work(tables: SpanTables) -> None:
                table.write(tables.db, records, store.clock())

            await store.do(work)

        intake = Intake(store.add, keep_logs, LIMITS, forwarder)
        query = query_app(options, store, intake, forwarder, api)
        await blocks.enter_async_context(listening(options, query, intake))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(store.keep_swept()), group.create_task(forwarder.run())]
            try:
                yield store
            finally:
                for task in tasks:
                    task.cancel()
