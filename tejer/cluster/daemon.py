"""The cluster's one long-lived process: API server, controllers and node agent in one event loop.

`python -m tejer.cluster.daemon HOME READY_FD`. It says `ready PORT` or `error MESSAGE` in one line on the descriptor,
then lives until SIGTERM. When it ends, however it ends, pods go on, and the next daemon takes them over. A fault after
it was ready makes it start itself anew, in the same process.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import logging
import os
import signal
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from tejer.cluster.config import ClusterConfig, load_config
from tejer.cluster.processes import note_process

if TYPE_CHECKING:
    from tejer.cluster.apiserver.server import ApiServer
    from tejer.cluster.pki import Pki

log = logging.getLogger("tejer.cluster.daemon")

_BREATH = 2.0
"""Seconds before a new start after a fault: one that comes back at once must not eat the machine."""
_NOBODY = -1
_LOG_BYTES = 8 * 1024 * 1024


def main() -> int:
    """Exit codes: 0 after SIGTERM, 1 when it could not start."""
    home, starter = Path(sys.argv[1]), Starter(int(sys.argv[2]))
    config = load_config(home)
    if config is None:
        starter.tell(f"error {home}/config.json is missing")
        return 1
    lock = _take_lock(config)
    if lock is None:
        starter.tell("error another daemon runs this cluster already")
        return 1
    _log_to(config.daemon_log)
    note_process(config.pid_path, os.getpid())
    try:
        asyncio.run(_until_stopped(config, starter))
    except Exception as error:
        if not starter.tell(f"error {_one_line(error)}"):
            _start_anew(home)
        log.exception("the cluster can't start")
        config.pid_path.unlink(missing_ok=True)
        return 1
    config.pid_path.unlink(missing_ok=True)
    return 0


def _start_anew(home: Path) -> None:
    """After a fault: nobody waits for us any more, and pods need somebody."""
    log.exception("a fault; the cluster's process starts itself anew in %.0f s", _BREATH)
    time.sleep(_BREATH)
    os.execv(sys.executable, [sys.executable, "-m", "tejer.cluster.daemon", str(home), str(_NOBODY)])  # noqa: S606


def _take_lock(config: ClusterConfig) -> int | None:
    """An exclusive lock that the kernel gives back however we end."""
    descriptor = os.open(config.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class Starter:
    """Whoever started us, and waits for one line on `descriptor` (negative: nobody)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)  # pods' processes have no business with it

    def tell(self, line: str) -> bool:
        """Only the first line is sent; False for every other, and when nobody listens any more."""
        descriptor, self._descriptor = self._descriptor, _NOBODY
        if descriptor < 0:
            return False
        try:
            os.write(descriptor, f"{line}\n".encode())
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(str(error).split()) or type(error).__name__


async def _until_stopped(config: ClusterConfig, starter: Starter) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with asyncio.TaskGroup() as group:
        cluster = group.create_task(_run(config, starter))
        waiter = group.create_task(stopped.wait())
        await asyncio.wait((cluster, waiter), return_when=asyncio.FIRST_COMPLETED)
        cluster.cancel()
        waiter.cancel()
    log.info("stopped; pods go on")


async def _run(config: ClusterConfig, starter: Starter) -> None:
    from tejer.cluster.apiserver.auth.users import MASTERS
    from tejer.cluster.controllers.all import all_controllers
    from tejer.cluster.controllers.runner import Runner
    from tejer.cluster.pki import ensure_pki
    from tejer.cluster.runtime.agent import NodeAgent

    files = await asyncio.to_thread(ensure_pki, config.pki_dir, *_serving_names(config))
    server = _make_server(config, files)
    await server.start()
    try:
        agent = NodeAgent(server.local("system:node", (MASTERS, "system:nodes")), config)
        server.backend = agent
        runner = Runner(server.local, all_controllers(files.ca_cert.read_text()))
        async with asyncio.TaskGroup() as group:
            for part in (agent.run(), runner.run(), server.maintain()):
                group.create_task(part)
            await agent.ready.wait()
            await server.listen(config.gateway_ip)
            await server.advertise(config.gateway_ip, server.port)
            await runner.ready.wait()
            gc.collect()
            gc.freeze()
            log.info("ready on %s", config.api_url)
            starter.tell(f"ready {server.port}")
    finally:
        await server.stop()


def _make_server(config: ClusterConfig, files: Pki) -> ApiServer:
    from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
    from tejer.cluster.apiserver.server import ApiServer
    from tejer.cluster.store.sqlite import SqliteStore

    tls = TlsFiles(files.api_cert, files.api_key, files.ca_cert)
    settings = ServerConfig(
        tls=tls, port=config.api_port, service_cidr=config.service_cidr, cluster_domain=config.cluster_domain,
        node_name=config.node_name,
    )  # fmt: skip
    return ApiServer(SqliteStore(config.store_path), settings)


def _serving_names(config: ClusterConfig) -> tuple[list[str], list[str]]:
    """DNS names and addresses of the API server, from the host and from pods."""
    service = "kubernetes.default.svc"
    names = ["localhost", "kubernetes", "kubernetes.default", service, f"{service}.{config.cluster_domain}"]
    return names, ["127.0.0.1", config.gateway_ip, config.kubernetes_ip]


if __name__ == "__main__":
    sys.exit(main())
