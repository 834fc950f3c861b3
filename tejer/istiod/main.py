"""`python -m tejer.istiod.main`: the control plane's process, which knows only the Kubernetes API.

Where that is comes from $KUBECONFIG, else from the pod it runs in.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys

from tejer.istiod.options import Options, read_options
from tejer.istiod.parts import make_istiod
from tejer.kube.client import HttpApi
from tejer.kube.connection import Connection
from tejer.kube.kubeconfig import connect

log = logging.getLogger("tejer.istiod")


async def serve(options: Options, connection: Connection) -> None:
    """Run until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    async with HttpApi(connection, field_manager="istiod") as api:
        try:
            await make_istiod(options, api).run()
        except asyncio.CancelledError:
            log.info("stopping")


def main() -> int:
    options = read_options(os.environ)
    logging.basicConfig(
        level=options.log_level, stream=sys.stderr, format="%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )  # fmt: skip
    # Loading the mesh makes many objects that stay: collecting garbage meanwhile would cost 4 to 9 times the work.
    gc.disable()
    try:
        asyncio.run(serve(options, connect()))
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
