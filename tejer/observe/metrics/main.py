"""`python -m tejer.observe.metrics.main`: Prometheus's place.

Our own engine, or a real Prometheus (the binary on PATH, or one at a URL) behind the same front door.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import sys
import time
from contextlib import AsyncExitStack, suppress

from tejer.kube.client import HttpApi
from tejer.kube.connection import Connection
from tejer.kube.kubeconfig import connect
from tejer.observe.metrics.options import BINARY, Options, read_options

log = logging.getLogger("tejer.prometheus")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _connection(options: Options) -> Connection | None:
    """The cluster we are in; none for who runs the server by hand without one."""
    with suppress(FileNotFoundError):
        return connect(options.kubeconfig)
    return None


async def serve(options: Options, binary: str) -> int:
    connection = _connection(options)
    async with AsyncExitStack() as blocks:
        api = await blocks.enter_async_context(HttpApi(connection)) if connection is not None else None
        if options.engine == "embedded":
            from tejer.observe.metrics.embedded import serve_embedded

            return await serve_embedded(options, api, milliseconds)
        if options.engine == "binary":
            from tejer.observe.metrics.binary import serve_binary

            return await serve_binary(options, api, binary)
        from tejer.observe.metrics.remote import serve_url

        return await serve_url(options, api)


def main(arguments: list[str] | None = None) -> int:
    binary = shutil.which(BINARY) or ""
    options = read_options(arguments, binary)
    logging.basicConfig(
        level=_LEVELS[options.log_level], stream=sys.stderr,
        format="%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S",
    )  # fmt: skip
    gc.freeze()  # what imports left stays: no use looking at it again and again
    try:
        return asyncio.run(serve(options, binary))
    except (OSError, ValueError) as error:
        log.error("%s", error)
        return 1
    except ExceptionGroup as group:
        expected, rest = group.split((OSError, ValueError))
        if rest is not None:
            raise
        for reason in expected.exceptions if expected else ():
            log.error("%s", reason)
        return 1


if __name__ == "__main__":
    sys.exit(main())
