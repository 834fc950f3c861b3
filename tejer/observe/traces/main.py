"""`python -m tejer.observe.traces.main`: Jaeger's place. Spans and access logs in, traces out."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack

from tejer.kube.client import HttpApi
from tejer.kube.incluster import in_cluster
from tejer.observe.traces.options import Options, read_options
from tejer.observe.traces.running import running

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
        await blocks.enter_async_context(running(options, api))
        gc.freeze()  # what start-up left stays
        await stopped.wait()
        log.info("stopping")


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
