"""Which processes belong to a cluster, told apart from others that got the same pid since. Reads /proc only."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tejer.cluster.config import ClusterConfig

_SHIM = "cluster/runtime/shim/"
_DAEMON = "tejer.cluster.daemon"
_FORWARDER = "cluster/network/forward.py"


class Process(NamedTuple):
    """`started` is the kernel's clock ticks since boot: with the pid it names one process for ever."""

    pid: int
    started: int


def read_process(path: Path) -> Process | None:
    """The process noted in a pid file, if it still lives."""
    try:
        pid, started = path.read_text().split()
        noted = Process(int(pid), int(started))
    except (OSError, ValueError):
        return None
    return noted if start_time(noted.pid) == noted.started else None


def note_process(path: Path, pid: int) -> None:
    """Write a pid file that `read_process` understands."""
    path.write_text(f"{pid} {start_time(pid)}\n")


def start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None for a process that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def processes_of(config: ClusterConfig) -> list[Process]:
    """The cluster's daemon, the shims of its pods and its port forwarders, found by what they were started with.

    The pids of other processes of the pods are not needed: they die with their shim.
    """
    found = []
    for pid in _pids():
        words = arguments(pid)
        shim = any(_SHIM in word for word in words) and any(Path(word).parent == config.pods_dir for word in words)
        helper = str(config.home) in words and any(word == _DAEMON or word.endswith(_FORWARDER) for word in words)
        if (shim or helper) and (started := start_time(pid)) is not None:
            found.append(Process(pid, started))
    return found


def is_daemon(pid: int, config: ClusterConfig) -> bool:
    """Whether the process is the cluster's own."""
    words = arguments(pid)
    return _DAEMON in words and str(config.home) in words


def with_descendants(roots: Iterable[Process]) -> list[int]:
    """The pids of `roots` and of everything below them."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (parent := _parent(pid)) is not None:
            children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [process.pid for process in roots]
    while waiting:
        pid = waiting.pop()
        if pid not in found:  # a root may be below another one
            found.add(pid)
            waiting += children.get(pid, [])
    return sorted(found)


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def memory_of(pid: int) -> int:
    """Bytes of proportional set size (PSS): shared pages count by share, so sums are true. 0 when it can't be read."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def end_processes(processes: Iterable[Process], number: signal.Signals, wait: float) -> list[Process]:
    """Send the signal to each and wait up to `wait` seconds; returns those that still live."""
    left = list(processes)
    for process in left:
        if start_time(process.pid) == process.started:
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue
    until = time.monotonic() + wait
    while left := [process for process in left if start_time(process.pid) == process.started]:
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    return left
