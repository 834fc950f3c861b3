"""Private embedded clusters: own home, ports and networks, so that the user's own is left alone."""

from __future__ import annotations

import socket
from itertools import chain
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


def free_subnet(wanted: int) -> int:
    """N of 10.N.0.0/16: `wanted`, or the next that no route leads to: another run of the tests may be under way."""
    routes = [line.split()[1:] for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    taken = {int(fields[0][4:6], 16) for fields in routes if fields[0].endswith("0A")}
    return next(number for number in chain(range(wanted, 250), range(100, wanted)) if number not in taken)


def private_shell(home: Path, subnet: int) -> Shell:
    """A terminal whose `tejer` and `kubectl` mean the cluster of `home`; `subnet` keeps its networks apart.

    Start it with `tejer up --bare $UP`; $HTTP and $HTTPS are the ingress gateway's addresses.
    """
    subnet = free_subnet(subnet)
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
