"""Private clusters for the end-to-end tests: own home, ports and networks, so the user's cluster is left alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    """A terminal whose `tejer` and `kubectl` mean the cluster of `home`; `subnet` keeps its networks apart."""
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


@pytest.fixture(scope="module")
def bare_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """An empty cluster, as after `minikube start`."""
    shell = private_shell(tmp_path_factory.mktemp("bare"), 118)
    shell.ok("tejer up --bare $UP")
    yield shell
    shell.ok("tejer down")


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A cluster with the mesh and the sample, shared by all tests that leave it as they found it."""
    shell = private_shell(tmp_path_factory.mktemp("mesh"), 119)
    shell.ok("tejer up --bare $UP")
    shell.ok("tejer demo --no-requests", timeout=300)
    yield shell
    shell.ok("tejer down")
