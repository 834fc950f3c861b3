from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tejer.kube.resource import Body
from tejer.kube.types import PODS
from tejer.observe.metrics.loading import load_config
from tejer.observe.metrics.scrape.discovery import kubernetes
from tejer.observe.metrics.scrape.discovery.kubernetes import Cluster
from tejer.observe.metrics.scrape.scraper import Scraper
from tests.unit.observe.metrics.fake_api import FakeCluster
from tests.unit.observe.metrics.memory import STALE, MemoryAppender


def pod(name: str, address: str) -> Body:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": [{"name": "app"}]},
            "status": {"podIP": address}}  # fmt: skip


class World:
    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.store, self.fake = MemoryAppender(), FakeCluster()
        cluster = Cluster(self.fake.api, "istio-system", tasks)
        self.scraper = Scraper(self.store, lambda: 1000, tasks, lambda _: cluster)

    async def apply(self, text: str) -> None:
        await self.scraper.apply(load_config("global: {scrape_interval: 1h, scrape_timeout: 1s}\n" + text).config)

    def targets(self) -> dict[str, list[str]]:
        return {
            name: [dict(target.labels)["instance"] for target in pool.loops]
            for name, pool in self.scraper.pools.items()
        }

    async def until(self, targets: dict[str, list[str]]) -> None:
        async with asyncio.timeout(20):
            while self.targets() != targets:
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "QUIET", 0.01)


def run(work: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        async with asyncio.TaskGroup() as tasks:
            world = World(tasks)
            await work(world)
            await world.scraper.close()

    asyncio.run(inside())


STATIC = "scrape_configs: [{job_name: a, static_configs: [{targets: ['h:1']}]}, {job_name: b}]"
PODS_AND_STATIC = """scrape_configs:
- job_name: pods
  kubernetes_sd_configs: [{role: pod}]
  static_configs: [{targets: ['h:1']}]
"""


def test_jobs_come_go_and_stay() -> None:
    async def work(world: World) -> None:
        await world.apply(STATIC)
        assert world.targets() == {"a": ["h:1"], "b": []}
        (before,) = world.scraper.pools["a"].loops.values()
        before.recorder.record("x 1\n", 500)
        await world.apply(STATIC + "\n")
        assert list(world.scraper.pools["a"].loops.values()) == [before], "an unchanged job is left alone"
        await world.apply("scrape_configs: [{job_name: b}]")
        assert world.targets() == {"b": []}
        assert world.store.samples[-1][2] == STALE, "the series of a job that is gone end"

    run(work)


def test_targets_of_all_discoveries_come_together_and_outlive_a_reload() -> None:
    async def work(world: World) -> None:
        world.fake.put(PODS, pod("p", "10.0.0.1"))
        await world.apply(PODS_AND_STATIC)
        assert world.targets() == {"pods": []}, "not half of them"
        await world.until({"pods": ["h:1", "10.0.0.1"]})
        loops = list(world.scraper.pools["pods"].loops.values())
        loops[1].recorder.record("x 1\n", 500)
        await world.apply(PODS_AND_STATIC + "  metrics_path: /other\n")
        assert world.targets() == {"pods": ["h:1", "10.0.0.1"]}, "while discovery begins anew"
        await asyncio.sleep(0.1)
        assert [target.url for target in world.scraper.pools["pods"].loops] == [
            "http://h:1/other", "http://10.0.0.1/other",
        ]  # fmt: skip
        assert STALE not in [value for _, _, value in world.store.samples]
        world.fake.remove(PODS, "shop", "p")
        await world.until({"pods": ["h:1"]})
        assert world.store.samples[-1][2] == STALE

    run(work)


def test_without_a_cluster_only_its_targets_are_missing() -> None:
    async def inside() -> None:
        async with asyncio.TaskGroup() as tasks:

            def none(_: str) -> Cluster:
                raise FileNotFoundError("not in a cluster")

            scraper = Scraper(MemoryAppender(), lambda: 1000, tasks, none)
            await scraper.apply(load_config(PODS_AND_STATIC).config)
            async with asyncio.timeout(20):
                while not scraper.pools["pods"].loops:
                    await asyncio.sleep(0.005)
            await scraper.close()

    asyncio.run(inside())
