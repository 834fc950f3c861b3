"""A deleted pod goes, whatever it is doing, within its grace: from the API, and all of it from the machine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tejer.cluster.processes import processes_of
from tejer.cluster.runtime.sandbox import find
from tejer.kube.kinds.core import Pod
from tejer.kube.resource import Body, decode
from tejer.kube.types import PODS
from tests.netns.node import Cluster, cluster, container, eventually, require_namespaces, status_of, uid_of

pytestmark = pytest.mark.netns

NUMBER = 7
STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require_namespaces()


def sh(script: str, name: str = "main", **more: object) -> Body:
    return container("tejer/host", "sh", "-c", script, name=name, **more)


@asynccontextmanager
async def node(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A node on which nothing may be left at the end: worker, file, process or address."""
    async with cluster(tmp_path / "home", NUMBER) as made, made.running():
        yield made
        await nothing_left(made)
        assert made.agent._node.addresses._used == set()


async def nothing_left(made: Cluster) -> None:
    async def nothing() -> bool:
        return not (made.agent._workers or list(made.config.pods_dir.glob("*")) or processes_of(made.config))

    await eventually(nothing, "no worker, directory or process of a pod")


def is_running(pod: Body) -> bool:
    return bool(status_of(pod).get("state", {}).get("running"))


async def delete(made: Cluster, name: str, grace: int | None = None) -> None:
    await made.api.delete(PODS, name, "default", grace_period_seconds=grace)


async def running(made: Cluster, name: str) -> Body:
    return await made.until(name, is_running, "running")


def test_deleted_at_any_moment_of_their_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with node(tmp_path) as made:
            for moment in range(8):
                names = [f"p{moment}-{each}" for each in range(3)]
                for name in names:
                    await made.pod(name, sh("exec sleep 1000"), sh("exec sleep 1000", "second"))
                await asyncio.sleep(moment * 0.03)
                for name in names:
                    await delete(made, name)
            for moment in range(8):
                for each in range(3):
                    await made.gone(f"p{moment}-{each}")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [sh("true")], "initContainers": [sh("exec sleep 1000", "init")]},
        {"containers": [{"name": "main", "image": "nginx:1.25"}]},
        {"containers": [sh("exit 1")]},
        {"containers": [sh("exec sleep 1000")], "volumes": [{"name": "v", "configMap": {"name": "missing"}}]},
        {"containers": [sh("exit 0")], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "no"}}]},
        {"containers": [sh("exec sleep 1000", lifecycle={"postStart": {"exec": {"command": ["sleep", "1000"]}}})]},
        {"containers": [sh("exec sleep 1000")], "nodeSelector": {"no": "where"}},
    ],
    ids=["init-container", "no-image", "crashing", "no-config-map", "no-claim", "post-start-hook", "unschedulable"],
)  # fmt: skip
def test_deleted_while_it_is_not_ready(tmp_path: Path, spec: Body) -> None:
    async def scenario() -> None:
        async with node(tmp_path) as made:
            await made.pod("pending", *spec["containers"], **{k: v for k, v in spec.items() if k != "containers"})
            await asyncio.sleep(0.5)
            await delete(made, "pending")
            await made.gone("pending")

    asyncio.run(scenario())


def test_deleted_while_it_is_looked_into(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with node(tmp_path) as made:
            await made.pod("watched", sh("exec sleep 1000"))
            pod = await running(made, "watched")
            sessions = [
                await made.agent.exec(pod, "main", ["sh", "-c", "trap '' TERM HUP; cat"], tty=tty, stdin=True)
                for tty in (False, True)
            ]
            await delete(made, "watched")
            await made.gone("watched")
            for session in sessions:
                assert await asyncio.wait_for(session.wait(), 10) == 137
                await session.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("grace", [0, 1])
def test_deleted_again_with_less_time(tmp_path: Path, grace: int) -> None:
    """By force (0), or with `kubectl delete --now` (1)."""

    async def scenario() -> None:
        async with node(tmp_path) as made:
            hook = {"preStop": {"exec": {"command": ["sh", "-c", "trap '' TERM; sleep 1000"]}}}
            await made.pod("deaf", sh(STUBBORN), terminationGracePeriodSeconds=600)
            await made.pod("hooked", sh(STUBBORN, lifecycle=hook), terminationGracePeriodSeconds=600)
            for name in ("deaf", "hooked"):
                await made.says(name, "deaf\n")
                await delete(made, name)
            await asyncio.sleep(0.5)
            for name in ("deaf", "hooked"):
                assert status_of(await made.get(name))["state"].get("running")
                await delete(made, name, grace)
            for name in ("deaf", "hooked"):
                await made.gone(name)

    asyncio.run(scenario())


def test_deleted_while_a_failed_probe_ends_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with node(tmp_path) as made:
            probe = {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}
            await made.pod("sick", sh(STUBBORN, livenessProbe=probe), terminationGracePeriodSeconds=600)
            await made.has_event("sick", "Killing")
            await delete(made, "sick", 1)
            await made.gone("sick")

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_deleted_while_its_shim_is_killed_or_hangs(tmp_path: Path, number: int) -> None:
    async def scenario() -> None:
        async with node(tmp_path) as made:
            await made.pod("headless", sh(STUBBORN), terminationGracePeriodSeconds=2)
            pod = await running(made, "headless")
            await delete(made, "headless")
            os.kill(find(made.config.pod_dir(uid_of(pod))), number)
            await made.gone("headless")

    asyncio.run(scenario())


def test_the_next_agent_finishes_what_one_began(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made:
            async with made.running():
                await made.pod("slow", sh(STUBBORN), terminationGracePeriodSeconds=2)
                await made.says("slow", "deaf\n")
                await delete(made, "slow")
                await asyncio.sleep(0.3)
            async with made.running():
                await made.gone("slow")
                await nothing_left(made)

    asyncio.run(scenario())


def test_a_shim_that_no_agent_noted_is_ended(tmp_path: Path) -> None:
    """An agent may be killed between a shim's birth and its note of it."""

    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made:
            async with made.running():
                await made.pod("noted", sh("exec sleep 1000"))
                pod = await running(made, "noted")
                directory = made.config.pod_dir(uid_of(pod))
                unnoted = find(directory)
            (directory / "shim.pid").unlink()
            async with made.running():
                await made.until("noted", lambda p: status_of(p)["restartCount"] == 1 and is_running(p), "restarted")
                assert find(directory) != unnoted
                assert unnoted not in [process.pid for process in processes_of(made.config)]

    asyncio.run(scenario())


def test_a_finalizer_keeps_the_object_and_not_the_processes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with node(tmp_path) as made:
            await made.pod("kept", sh("exec sleep 1000"))
            await running(made, "kept")
            await made.api.patch(PODS, "kept", "default", {"metadata": {"finalizers": ["example.com/wait"]}})
            await delete(made, "kept")
            await nothing_left(made)
            assert decode(await made.get("kept"), Pod).metadata.deletion_grace_period_seconds == 0
            await made.api.patch(PODS, "kept", "default", {"metadata": {"finalizers": None}})
            await made.gone("kept")

    asyncio.run(scenario())
