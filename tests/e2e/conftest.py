"""Clusters shared by end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.clusters import private_cluster
from tests.e2e.shell import Shell
from tests.e2e.traffic import WORKLOADS, Mesh


@pytest.fixture(scope="module")
def bare_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """An empty cluster, as after `minikube start`."""
    with private_cluster(tmp_path_factory.mktemp("bare")) as shell:
        shell.ok("tejer up --bare $UP")
        yield shell


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A cluster with the mesh and the sample, shared by all tests that leave it as they found it."""
    with private_cluster(tmp_path_factory.mktemp("mesh")) as shell:
        shell.ok("tejer up --bare $UP")
        shell.ok("tejer demo --no-requests", timeout=300)
        yield shell


@pytest.fixture(scope="session")
def traffic(mesh: Shell) -> Mesh:
    """The shared mesh with the workloads of the traffic tests: namespaces `traffic` (injected) and `other`."""
    world = Mesh(mesh)
    world.apply(WORKLOADS)
    for namespace in ("traffic", "other"):
        world.ready(namespace)
    return world
