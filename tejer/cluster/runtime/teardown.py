"""`teardown`: take away everything a cluster has running on this machine. Also after a `kill -9` of all of it."""

from __future__ import annotations

import logging
import os
import select
import shutil
from contextlib import suppress
from pathlib import Path

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network.forwards import forward_processes
from tejer.cluster.network.setup import HostNetwork
from tejer.cluster.runtime.processes import alive, start_time
from tejer.cluster.runtime.sandbox import find

log = logging.getLogger(__name__)

_SHIM = b"tejer/cluster/runtime/shim/__main__.py"
_PATIENCE_MS = 5000


def teardown(config: ClusterConfig) -> None:
    """Kill shims (their containers die with them) and forwarders, remove links, rules and pod directories.

    Idempotent. The daemon must be dead already, or it would start pods again. Volumes and the store stay.
    Raises OSError when the kernel refuses.
    """
    doomed = {pid: start_time(pid) for pid in (*_shims(config), *forward_processes(config))}
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
    for pid, started in doomed.items():
        _wait(pid, started)
    HostNetwork(config).remove()
    shutil.rmtree(config.pods_dir, ignore_errors=True)


def _shims(config: ClusterConfig) -> set[int]:
    """By state file, and by command line where one was lost: a shim's first argument is its pod's directory."""
    found = {pid for directory in config.pods_dir.glob("*") if (pid := find(directory))}
    prefix = os.fsencode(config.pods_dir) + b"/"
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if any(word.endswith(_SHIM) for word in words) and any(word.startswith(prefix) for word in words):
                found.add(int(entry.name))
    return found


def _wait(pid: int, started: int) -> None:
    """Until the process has ended; when it is our child, it is reaped."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if alive(pid, started):
            watch = select.poll()
            watch.register(pidfd, select.POLLIN)
            watch.poll(_PATIENCE_MS)
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    finally:
        os.close(pidfd)
