"""Run Envoy as a child: start, wait, drain on SIGTERM, and end as it ended. Restarts are the container's business."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

from tejer.envoy.admin import Admin
from tejer.envoy.agent.child import Child
from tejer.envoy.agent.log import info, warn
from tejer.envoy.agent.metadata import bootstrap_params, worker_threads
from tejer.envoy.agent.settings import Settings
from tejer.envoy.bootstrap import bootstrap, sds_files

_POLL_SECONDS = 1.0
_KILL_AFTER_SECONDS = 3.0


def write_configuration(settings: Settings) -> Path:
    """Bootstrap and SDS files in the proxy's directory; returns the bootstrap's path."""
    directory = Path(settings.proxy_dir)
    certificate, roots = sds_files(settings.certs_dir)
    (directory / "sds-default.json").write_text(json.dumps(certificate))
    (directory / "sds-rootca.json").write_text(json.dumps(roots))
    target = directory / "envoy-rev.json"
    target.write_text(json.dumps(bootstrap(bootstrap_params(settings)), indent=2))
    return target


def envoy_command(binary: Path, configuration: Path, settings: Settings, cpus: int) -> list[str]:
    """Istio's command line for Envoy (pkg/envoy/proxy.go)."""
    command = [str(binary), "-c", str(configuration), "--drain-time-s"]
    command.append(str(max(1, round(settings.drain_time_seconds))))
    command += ["--drain-strategy", "immediate", "--local-address-ip-version", "v4"]
    command += ["--file-flush-interval-msec", "1000", "--disable-hot-restart", "--allow-unknown-static-fields"]
    command += [
        "-l",
        settings.log_level,
        "--concurrency",
        str(worker_threads(settings, cpus)),
        "--skip-deprecated-logs",
    ]
    if settings.component_log_level:
        command += ["--component-log-level", settings.component_log_level]
    return command


def exit_status(returncode: int) -> int:
    """As a shell has it: 128 + n for death by signal n."""
    return 128 - returncode if returncode < 0 else returncode


class Supervisor:
    """One Envoy process. `stop` is set by a signal or by /quitquitquit (then `at_once`)."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self.settings = settings
        self.stop = stop
        self.at_once = False
        self.drained = False
        self.admin = Admin(settings.admin_port)
        self.process: Child | None = None

    def start(self, binary: Path) -> None:
        configuration = write_configuration(self.settings)
        command = envoy_command(binary, configuration, self.settings, os.cpu_count() or 1)
        self.process = Child(command, ended=self.stop.set)  # Envoy's end wakes the main thread too

    def wait(self) -> int:
        """Block until Envoy ends by itself or we are told to; then drain, end it and return the exit status."""
        assert self.process is not None
        self.stop.wait()
        if self.process.returncode is not None:
            status = exit_status(self.process.returncode)
            warn(f"Envoy ended by itself with status {status}")
            return status
        if not self.at_once:
            self._drain_and_wait()
        self._end()
        return 0

    def drain(self) -> None:
        """Ask peers to leave; listeners go on accepting. A later SIGTERM then ends at once."""
        try:
            self.admin.drain(inbound_only=self.settings.node_type == "sidecar")
            self.drained = True
        except OSError as problem:
            warn(f"draining failed: {problem}")

    def quit(self) -> None:
        self.at_once = True
        self.stop.set()

    def _drain_and_wait(self) -> None:
        if self.drained:
            return
        self.drain()
        if self.settings.exit_on_zero_connections:
            self._until_no_connections()
            return
        info(f"draining for {self.settings.drain_seconds:g} s")
        self._sleep(self.settings.drain_seconds)

    def _until_no_connections(self) -> None:
        self._sleep(self.settings.minimum_drain_seconds)
        while not self.at_once and self._running():
            try:
                active = self.admin.active_connections()
            except OSError:
                return
            if active == 0:
                info("no active connections are left")
                return
            self._sleep(_POLL_SECONDS)

    def _sleep(self, seconds: float) -> None:
        """Until the time is over, Envoy is gone or /quitquitquit came."""
        end = time.monotonic() + seconds
        while not self.at_once and self._running() and (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))

    def _running(self) -> bool:
        return self.process is not None and self.process.running()

    def _end(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        if not self.process.wait(_KILL_AFTER_SECONDS):
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
