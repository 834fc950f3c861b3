from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from tejer.kube.resource import Body
from tejer.kube.types import PODS
from tejer.observe.metrics.config import KubernetesDiscovery
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.discovery import kubernetes
from tejer.observe.metrics.scrape.discovery.kubernetes import Cluster, discover
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup
from tests.unit.observe.metrics.fake_api import FakeCluster


def pod(name: str, address: str) -> Body:
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "app"}]},
        "status": {"podIP": address},
    }


POD_ROLE = msgspec.convert({"role": "pod"}, KubernetesDiscovery, dec_hook=read_scalar)


class Published:
    def __init__(self) -> None:
        self.lists: list[list[str]] = []

    def __call__(self, groups: Sequence[TargetGroup]) -> None:
        self.lists.append(sorted(target[ADDRESS] for group in groups for target in group.targets))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def run(work: Callable[[FakeCluster, Cluster, asyncio.TaskGroup], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        fake = FakeCluster()
        async with asyncio.TaskGroup() as tasks:
            await work(fake, Cluster(fake.api, "istio-system", tasks), tasks)

    asyncio.run(inside())


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "QUIET", 0.01)
    monkeypatch.setattr(kubernetes, "FIRST_LIST", 0.2)


def test_targets_follow_the_cluster() -> None:
    async def work(fake: FakeCluster, cluster: Cluster, tasks: asyncio.TaskGroup) -> None:
        fake.put(PODS, pod("a", "10.0.0.1"))
        published = Published()
        task = tasks.create_task(discover(cluster, POD_ROLE, published))
        await until(lambda: published.lists)
        assert published.lists == [["10.0.0.1"]], "nothing is published before the first whole list"
        fake.put(PODS, pod("b", "10.0.0.2"))
        await until(lambda: published.lists[-1] == ["10.0.0.1", "10.0.0.2"])
        fake.put(PODS, pod("a", "10.0.0.3"))
        fake.remove(PODS, "shop", "b")
        await until(lambda: published.lists[-1] == ["10.0.0.3"])
        task.cancel()

    run(work)


def test_jobs_share_a_watch_and_the_last_one_ends_it() -> None:
    async def work(fake: FakeCluster, cluster: Cluster, tasks: asyncio.TaskGroup) -> None:
        fake.put(PODS, pod("a", "10.0.0.1"))
        first, second = Published(), Published()
        one = tasks.create_task(discover(cluster, POD_ROLE, first))
        other = tasks.create_task(discover(cluster, POD_ROLE, second))
        await until(lambda: first.lists and second.lists and fake.watchers)
        assert fake.lists == {"pods": 1}
        one.cancel()
        await until(one.done)
        fake.put(PODS, pod("b", "10.0.0.2"))
        await until(lambda: len(second.lists[-1]) == 2)
        assert len(first.lists[-1]) == 1
        other.cancel()
        await until(lambda: not fake.watchers)

    run(work)


def test_a_cluster_that_is_down_has_no_targets_until_it_answers() -> None:
    async def work(fake: FakeCluster, cluster: Cluster, tasks: asyncio.TaskGroup) -> None:
        fake.down = True
        published = Published()
        task = tasks.create_task(discover(cluster, POD_ROLE, published))
        await until(lambda: published.lists == [[]])
        fake.down = False
        fake.put(PODS, pod("a", "10.0.0.1"))
        await until(lambda: published.lists[-1] == ["10.0.0.1"])
        task.cancel()

    run(work)
