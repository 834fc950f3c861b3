"""`teardown`: take away everything a cluster has running on this machine. Also after a `kill -9` of all of it.

It always returns within a bound, and one part that fails keeps no other from being taken away.
"""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network.forwards import noted_forwarders
from tejer.cluster.network.setup import HostNetwork
from tejer.cluster.processes import Process, end_processes, processes_of, start_time
from tejer.cluster.runtime.sandbox import find

_KILL_WAIT = 5.0


def teardown(config: ClusterConfig) -> None:
    """Kill shims (their containers die with them) and forwarders, remove links, rules and pod directories.

    Idempotent. The daemon must be dead already, or it would start pods again. Volumes and the store stay.
    Raises OSError when the kernel refuses; what it doesn't refuse is gone then all the same.
    """
    network = HostNetwork(config)
    shims = {pid for directory in config.pods_dir.glob("*") if (pid := find(directory))}
    named = {process.pid for process in processes_of(config)}  # and those whose state file was lost
    try:
        _kill(shims | named | noted_forwarders(config))
        _kill(network.inhabitants())  # a process that changed its user no longer dies with its shim
    finally:
        try:
            network.remove()
        finally:
            for directory in (config.pods_dir, config.home / "forwards"):
                shutil.rmtree(directory, ignore_errors=True)


def _kill(pids: set[int]) -> None:
    """Returns when all have ended, at the latest after a bound: one in the kernel's hands can't be ended."""
    doomed = [Process(pid, started) for pid in pids if (started := start_time(pid)) is not None]
    end_processes(doomed, signal.SIGKILL, _KILL_WAIT)
    for process in doomed:
        with suppress(ChildProcessError):  # of our own children no zombie stays
            os.waitpid(process.pid, os.WNOHANG)
