"""Keep the workload certificate fresh: when to ask, how long to wait after a failure. The asking is a child process."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tejer.envoy.agent.atomic import read_files
from tejer.envoy.agent.log import info, warn
from tejer.envoy.agent.settings import Settings

RENEW_AT = 0.5
"""Fraction of a certificate's life after which it is replaced (SECRET_GRACE_PERIOD_RATIO)."""
RENEW_JITTER = 0.01
FIRST_RETRY, LAST_RETRY = 0.2, 10.0
ROOTS_CHECK_SECONDS = 60.0
CHILD_SECONDS = 30.0
_FORK_POLL = 0.01


class Validity(NamedTuple):
    """Of a certificate, in Unix seconds."""

    not_before: float
    not_after: float


def renewal_time(validity: Validity, jitter: float) -> float:
    """When to replace it: half its life, shifted by `jitter` (a fraction of the life, within ±RENEW_JITTER)."""
    life = validity.not_after - validity.not_before
    return validity.not_before + life * (RENEW_AT + jitter)


def retry_delay(failures: int, spread: float) -> float:
    """Back-off in seconds after the n-th failure in a row; `spread` in [0, 1) keeps a fleet from asking in step."""
    bounded = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(failures - 1, 10))
    return bounded * (0.5 + spread / 2)


def held_validity(certs_dir: Path) -> Validity | None:
    """Of the certificate on disk, or None. It survives a restart of the container, so that needs no new one."""
    try:
        return _parse(read_files(certs_dir).get("validity.json", b""))
    except (OSError, ValueError, KeyError):
        return None


def _parse(text: str | bytes) -> Validity:
    value = json.loads(text)
    return Validity(float(value["not_before"]), float(value["not_after"]))


class Renewer:
    """Obtains the certificate and replaces it in time; `stop` ends every wait."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self.settings = settings
        self.stop = stop
        self.validity: Validity | None = None
        self._roots = b""
        self._fork = 0

    def begin(self) -> None:
        """Make the first request in a fork of this process: spares a start of Python in every pod that starts.

        Call it while the process has one thread only. How it ended, `obtain` finds out.
        """
        if self._use_held() or self._obstacle():
            return
        self._fork = os.fork()
        if self._fork == 0:
            status = 1
            try:
                from tejer.envoy.agent.request_certificate import main

                status = main(self._arguments())
            finally:
                os._exit(status)

    def obtain(self) -> bool:
        """Wait until a certificate is there: the one on disk if it is fresh, else a new one. False when stopped."""
        while self._fork and not self.stop.is_set():
            if os.waitpid(self._fork, os.WNOHANG)[0]:
                self._fork = 0
            else:
                time.sleep(_FORK_POLL)
        if self._fork:
            os.kill(self._fork, signal.SIGKILL)
            return False
        return self._use_held() or self._request_until_done()

    def _use_held(self) -> bool:
        held = held_validity(Path(self.settings.certs_dir))
        if not held or time.time() >= renewal_time(held, 0.0):
            return False
        self.validity, self._roots = held, self._read_roots()
        return True

    def run(self) -> None:
        """Replace the certificate again and again (in a thread), and when the mesh's roots change."""
        while self.validity and not self.stop.is_set():
            due = renewal_time(self.validity, random.uniform(-RENEW_JITTER, RENEW_JITTER))  # noqa: S311
            while not self.stop.is_set() and time.time() < due and not self._roots_changed():
                self.stop.wait(max(0.05, min(ROOTS_CHECK_SECONDS, due - time.time())))
            if not self.stop.is_set() and self._request_until_done():
                info("workload certificate renewed")

    def _request_until_done(self) -> bool:
        failures, said = 0, ""
        while not self.stop.is_set():
            problem = self._request()
            if not problem:
                return True
            failures += 1
            if problem != said:
                warn(f"no workload certificate yet, trying again: {problem}")
                said = problem
            self.stop.wait(retry_delay(failures, random.random()))  # noqa: S311
        return False

    def _arguments(self) -> list[str]:
        settings = self.settings
        paths = [settings.ca_address, settings.token_path, settings.roots_path, settings.certs_dir]
        return [*paths, settings.key_type, str(settings.certificate_seconds)]

    def _obstacle(self) -> str:
        """Why a request can't succeed now, "" if it may."""
        if not self._read_roots():
            return f"{self.settings.roots_path} is not there yet (istiod writes ConfigMap istio-ca-root-cert)"
        if not Path(self.settings.token_path).exists():
            return f"{self.settings.token_path} is missing: no ServiceAccount token with audience istio-ca is mounted"
        return self._unreachable()

    def _request(self) -> str:
        """Ask once, in a process of its own. Returns what went wrong, "" for success."""
        if obstacle := self._obstacle():
            return obstacle
        roots = self._read_roots()
        command = [sys.executable, "-m", "tejer.envoy.agent.request_certificate", *self._arguments()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as problem:
            return f"asking for a certificate: {problem}"
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        self.validity, self._roots = held_validity(Path(self.settings.certs_dir)), roots
        return "" if self.validity else f"no certificate is in {self.settings.certs_dir}"

    def _unreachable(self) -> str:
        """A bare connection attempt first: waiting for istiod must not cost a Python start per try."""
        host, _, port = self.settings.ca_address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), 2.0).close()
        except OSError as problem:
            return f"istiod at {self.settings.ca_address} does not answer: {problem}"
        return ""

    def _read_roots(self) -> bytes:
        try:
            return Path(self.settings.roots_path).read_bytes()
        except OSError:
            return b""

    def _roots_changed(self) -> bool:
        roots = self._read_roots()
        return bool(roots) and roots != self._roots
