"""Private embedded clusters: own home, ports and networks, so that the user's own is left alone."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tejer.cluster.config import ClusterConfig
from tejer.cluster.lifecycle import anything_left, stop
from tests.e2e.shell import Shell
from tests.support.networks import free_subnet, give_back

_DOWN_SECONDS = 60.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def private_shell(home: Path, wanted_subnet: int = 100) -> Shell:
    """A terminal whose `tejer` and `kubectl` mean the cluster of `home`, which has networks of its own.

    Start it with `tejer up --bare $UP`; $HTTP and $HTTPS are the ingress gateway's addresses. Where a test doesn't end
    it itself, use `private_cluster`.
    """
    subnet = free_subnet(wanted_subnet)
    api, http, https = free_ports(3)
    return Shell(
        {
            "TEJER_HOME": str(home / "tejer"), "KUBECONFIG": str(home / "kubeconfig"), "HOME": str(home),
            "UP": f"--api-port {api} --http-port {http} --https-port {https} "
            f"--pod-cidr 10.{subnet}.0.0/17 --service-cidr 10.{subnet}.128.0/17",
            "HTTP": f"http://localhost:{http}", "HTTPS": f"https://localhost:{https}", "SUBNET": str(subnet),
        }
    )  # fmt: skip


@contextmanager
def private_cluster(home: Path) -> Iterator[Shell]:
    """`private_shell`, and whatever happens nothing of its cluster outlives the block."""
    shell = private_shell(home)
    try:
        yield shell
    finally:
        take_down(shell)


def take_down(shell: Shell) -> None:
    """`tejer down`; where that fails, by force, and then the failure is told."""
    home = Path(shell.env["TEJER_HOME"])
    try:
        shell.run("tejer down", timeout=_DOWN_SECONDS).ok()
    except (AssertionError, subprocess.TimeoutExpired):
        stop(ClusterConfig(home=home), grace=0)
        raise
    if anything_left(ClusterConfig(home=home)):
        stop(ClusterConfig(home=home), grace=0)
        raise AssertionError(f"`tejer down` left something of {home} behind")
    give_back(int(shell.env["SUBNET"]))
