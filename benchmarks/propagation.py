"""How long after a change of a route every sidecar answers by it."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time

from benchmarks.pods.manifests import generation_route
from tejer.kube.api import MERGE_PATCH
from tejer.kube.client import HttpApi
from tejer.kube.kubeconfig import connect
from tejer.kube.types import VIRTUALSERVICES

PATIENCE = 5.0


class Watcher:
    """The times at which one client first saw each generation."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.seen: dict[str, float] = {}
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            value, moment = line.split()
            self.seen.setdefault(value, float(moment))


def measure(kubeconfig: str, processes: list[subprocess.Popen[str]], changes: int) -> list[float]:
    """Seconds from sending each change until the last client saw it, sorted."""
    watchers = [Watcher(process) for process in processes]
    return sorted(asyncio.run(_change(kubeconfig, watchers, changes)))


async def _change(kubeconfig: str, watchers: list[Watcher], changes: int) -> list[float]:
    delays: list[float] = []
    async with HttpApi(connect(kubeconfig, "tejer")) as api:
        await _seen_by_all(watchers, "0")
        for generation in range(1, changes + 1):
            spec = {"spec": generation_route("bench", generation)["spec"]}
            began = time.monotonic()
            await api.patch(VIRTUALSERVICES, "server", "bench", spec, content_type=MERGE_PATCH)
            delays.append(await _seen_by_all(watchers, str(generation)) - began)
            await asyncio.sleep(0.1)
    return delays


async def _seen_by_all(watchers: list[Watcher], value: str) -> float:
    """The moment the last of them saw `value`. Raises TimeoutError naming how many did not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        moments = [watcher.seen[value] for watcher in watchers if value in watcher.seen]
        if len(moments) == len(watchers):
            return max(moments)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(watchers) - len(moments)} of {len(watchers)} clients never saw change {value}")
        await asyncio.sleep(0.005)
