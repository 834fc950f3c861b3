"""The `prometheus` binary on PATH as the engine: run beside us on the loopback, fed with targets that we discover."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tejer.kube.client import HttpApi
from tejer.observe.metrics.clusters import Clusters
from tejer.observe.metrics.derived import Discoverer
from tejer.observe.metrics.loading import ConfigError
from tejer.observe.metrics.options import Options
from tejer.observe.metrics.remote import new_session, remote_routes
from tejer.observe.metrics.serving import listening, make_app, on_hangup, until_stopped

log = logging.getLogger(__name__)
STOP_SECONDS = 20.0


def command(binary: str, options: Options, config: Path, port: int) -> list[str]:
    """How the binary is run: our settings in its flags, on the loopback."""
    flags = [
        f"--config.file={config}",
        f"--storage.tsdb.path={options.data}",
        f"--storage.tsdb.retention.time={options.retention}ms",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        f"--log.level={options.log_level}",
    ]
    if options.retention_bytes:
        flags.append(f"--storage.tsdb.retention.size={options.retention_bytes}B")
    return [binary, *flags]


async def serve_binary(options: Options, api: HttpApi | None, binary: str) -> int:
    """Run it until SIGTERM (0), or until it ends by itself (1)."""
    stopped = asyncio.Event()
    async with AsyncExitStack() as blocks, asyncio.TaskGroup() as tasks:
        discoverer = Discoverer(options.config, options.data / "derived", tasks, Clusters(api, tasks, blocks).of)
        discoverer.follow()
        port = _free_port()
        process = await blocks.enter_async_context(_running(command(binary, options, discoverer.path, port)))
        session = await blocks.enter_async_context(new_session())
        routes = remote_routes(f"http://127.0.0.1:{port}", "", session, discoverer.follow)
        await blocks.enter_async_context(listening(make_app(options, api, routes), options))

        def reload() -> None:
            try:
                discoverer.follow()
                process.send_signal(signal.SIGHUP)
            except (ConfigError, OSError) as error:
                log.error("the configuration stays as it was: %s", error)

        async def watch() -> None:
            log.error("%s ended with code %d", binary, await process.wait())
            stopped.set()

        on_hangup(reload)
        watching = tasks.create_task(watch())
        await until_stopped(stopped)
        watching.cancel()
        discoverer.close()
        return 0 if process.returncode is None else 1


@asynccontextmanager
async def _running(arguments: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Ended with us, by SIGTERM first so that it writes what it holds."""
    process = await asyncio.create_subprocess_exec(*arguments)
    log.info("%s runs as process %d", arguments[0], process.pid)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
