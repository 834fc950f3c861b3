from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.loop import ScrapeLoop
from tejer.observe.metrics.scrape.pool import Pool
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup
from tests.unit.observe.metrics.memory import STALE, MemoryAppender
from tests.unit.observe.metrics.scrape.exposing import exposing


def job(**fields: Any) -> ScrapeConfig:
    defaults = {"job_name": "j", "scrape_interval": "1h", "scrape_timeout": "1m"}
    return msgspec.convert({**defaults, **fields}, ScrapeConfig, dec_hook=read_scalar)


def group(*addresses: str) -> TargetGroup:
    return TargetGroup("test", tuple({ADDRESS: address} for address in addresses))


class Times:
    """A clock that tells a later millisecond each time it is asked."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@asynccontextmanager
async def pooled(config: ScrapeConfig) -> AsyncIterator[tuple[Pool, MemoryAppender]]:
    store = MemoryAppender()
    async with asyncio.TaskGroup() as tasks:
        pool = Pool(config, store, Times(), tasks)
        try:
            yield pool, store
        finally:
            await pool.close(ended=False)


def loops_by_instance(pool: Pool) -> dict[str, ScrapeLoop]:
    return {dict(target.labels)["instance"]: loop for target, loop in pool.loops.items()}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def run(work: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(work())


REPORT = (
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)  # fmt: skip


def test_a_target_is_scraped_every_interval_until_it_is_gone() -> None:
    async def work() -> None:
        often = job(scrape_interval="100ms", scrape_timeout="100ms")
        async with exposing() as target, pooled(often) as (pool, _):
            pool.sync([group(target.address)])
            await until(lambda: len(target.requests) >= 3)
            assert target.requests[0].headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.1"
            pool.sync([])
            asked = len(target.requests)
            await asyncio.sleep(0.5)
            assert len(target.requests) <= asked + 1

    run(work)


def test_all_series_of_a_target_that_is_gone_end() -> None:
    async def work() -> None:
        async with exposing() as target, pooled(job()) as (pool, store):
            pool.sync([group(target.address)])
            (loop,) = pool.loops.values()
            await loop.scrape(1000)
            assert (loop.health, loop.last_error, loop.last_scrape, loop.samples) == ("up", "", 1000, 1)
            pool.sync([])
            ended = {series.partition("{")[0]: value for _, series, value in store.samples[-6:]}
            assert ended == dict.fromkeys(("a", *REPORT), STALE)

    run(work)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "line 1: expected a metric's name"),
        (b"a 1\nb \xff\n", "line 2: byte 0xff is not UTF-8"),
        (b"a 1\n" + b"b{" + b"x" * 100_000 + b'="1"} 1\n', "name has 100000 letters"),
    ],
)
def test_garbage_puts_down_its_target_alone(body: bytes, said: str) -> None:
    async def work() -> None:
        async with exposing() as bad, exposing() as good, pooled(job()) as (pool, store):
            pool.sync([group(bad.address, good.address)])
            loops = loops_by_instance(pool)
            for time, answer, health in ((1000, b"a 1\n", "up"), (2000, body, "down"), (3000, b"a 1\n", "up")):
                bad.body = answer
                for loop in loops.values():
                    await loop.scrape(time)
                assert loops[good.address].health == "up"
                assert loops[bad.address].health == health
                if health == "down":
                    assert said in loops[bad.address].last_error
            labels = f'{{instance="{bad.address}",job="j"}}'
            assert [store.at(time)[f"a{labels}"] for time in (1000, 2000, 3000)] == [1, STALE, 1]
            assert [store.at(time)[f"up{labels}"] for time in (1000, 2000, 3000)] == [1, 0, 1]

    run(work)


def test_a_full_disk_is_said_of_the_target_and_passes() -> None:
    async def work() -> None:
        async with exposing() as target, pooled(job()) as (pool, store):
            pool.sync([group(target.address)])
            (loop,) = pool.loops.values()
            store.full = True
            await loop.scrape(1000)
            assert "the samples can't be stored" in loop.last_error and "No space left" in loop.last_error
            store.full = False
            await loop.scrape(2000)
            assert loop.health == "up"

    run(work)


def test_a_clock_that_goes_back_is_said_until_it_has_caught_up() -> None:
    async def work() -> None:
        async with exposing() as target, pooled(job()) as (pool, store):
            pool.sync([group(target.address)])
            (loop,) = pool.loops.values()
            await loop.scrape(10_000)
            await loop.scrape(4000)
            assert loop.health == "down" and "the clock went back by 6 s" in loop.last_error
            assert not store.at(4000) and len(target.requests) == 1
            await loop.scrape(11_000)
            assert loop.health == "up" and STALE not in [value for _, _, value in store.samples]

    run(work)


def test_new_settings_keep_a_targets_series() -> None:
    async def work() -> None:
        async with exposing() as target, pooled(job()) as (pool, store):
            target.body = "a 1\nb 1\n"
            pool.sync([group(target.address)])
            (before,) = pool.loops.values()
            await before.scrape(1000)
            drop_b = {"source_labels": ["__name__"], "regex": "b", "action": "drop"}
            await pool.configure(job(metric_relabel_configs=[drop_b]))
            (after,) = pool.loops.values()
            assert after is not before
            await after.scrape(2000)
            labels = f'{{instance="{target.address}",job="j"}}'
            assert store.at(2000)[f"a{labels}"] == 1 and store.at(2000)[f"b{labels}"] == STALE
            assert STALE not in [value for _, series, value in store.samples if series.startswith(("a{", "up{"))]

    run(work)


def test_a_changed_url_is_the_same_target_elsewhere() -> None:
    async def work() -> None:
        async with exposing() as target, pooled(job()) as (pool, store):
            for time, path in ((1000, "/one"), (2000, "/two")):
                pool.sync([TargetGroup("test", ({ADDRESS: target.address, "__metrics_path__": path},))])
                (loop,) = pool.loops.values()
                await loop.scrape(time)
                assert target.requests[-1].path == path
            assert STALE not in [value for _, _, value in store.samples]

    run(work)


def test_dropped_targets_bad_ones_and_too_many() -> None:
    async def work() -> None:
        keep = {"action": "keep", "source_labels": [ADDRESS], "regex": "good.*"}
        async with pooled(job(relabel_configs=[keep], target_limit=2)) as (pool, _):
            pool.sync([group("good:1", "other:1"), group("good/bad"), group("good:1")])
            assert list(loops_by_instance(pool)) == ["good:1"]
            assert pool.dropped_count == 1 and pool.dropped[0][ADDRESS] == "other:1"
            assert "test: 'good/bad' is not an address" in pool.problem
            pool.sync([group("good:1", "good:2", "good:3")])
            assert not pool.loops and "3 targets; at most 2" in pool.problem

    run(work)


def test_a_target_that_hangs_is_down_in_time() -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async def work() -> None:
        async with exposing() as target, pooled(job(scrape_timeout="50ms")) as (pool, _):
            target.answer = hang
            pool.sync([group(target.address)])
            (loop,) = pool.loops.values()
            await loop.scrape(1000)
            assert (loop.health, loop.last_error) == ("down", "no answer within 0.05 s")

    run(work)
