"""Private embedded clusters: own home, ports and networks, so that the user's own is left alone."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.e2e.shell import Shell


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def private_shell(home: Path, subnet: int) -> Shell:
    """A terminal whose `tejer` and `kubectl` mean the cluster of `home`; `subnet` keeps its networks apart.

    Start it with `tejer up --bare $UP`; $HTTP and $HTTPS are the ingress gateway's addresses.
    """
    api, http, https = free_ports(3)
    shell = Shell(
        {
            "TEJER_HOME": str(home / "tejer"), "KUBECONFIG": str(home / "kubeconfig"), "HOME": str(home),
            "UP": f"--api-port {api} --http-port {http} --https-port {https} "
            f"--pod-cidr 10.{subnet}.0.0/17 --service-cidr 10.{subnet}.128.0/17",
            "HTTP": f"http://localhost:{http}", "HTTPS": f"https://localhost:{https}",
        }
    )  # fmt: skip
    shell.run("tejer down")
    return shell
