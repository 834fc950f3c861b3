from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tejer.observe.metrics.api.targets import target_routes
from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.pool import Pool
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup
from tejer.observe.metrics.series import Matcher
from tests.unit.observe.metrics.memory import MemoryAppender

PAGE = "# HELP a What.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 2\n"
KEEP = {"action": "keep", "source_labels": [ADDRESS], "regex": "[ab].*"}


def read_matchers(text: str) -> list[Matcher]:
    """As the language's parser, for `{name="value"}` alone."""
    if not text.endswith('"}'):
        raise ValueError(f"{text}: not a selector")
    name, _, value = text.strip("{}").partition("=")
    return [Matcher(name, "=", value.strip('"'))]


def ask(*paths: str) -> list[tuple[int, Any]]:
    async def work() -> list[tuple[int, Any]]:
        job = msgspec.convert(
            {"job_name": "j", "scrape_interval": "1h", "scrape_timeout": "1s", "relabel_configs": [KEEP]},
            ScrapeConfig, dec_hook=read_scalar,
        )  # fmt: skip
        async with asyncio.TaskGroup() as tasks:
            pool = Pool(job, MemoryAppender(), lambda: 1000, tasks)
            pool.sync([TargetGroup("t", ({ADDRESS: "a:1"}, {ADDRESS: "b:1"}, {ADDRESS: "c:1"}))])
            one, other = pool.loops.values()
            one._finish(1_700_000_000_123, 0.5, one.recorder.record(PAGE, 1000), "")
            other._finish(1_700_000_000_123, 0.5, other.recorder.record("# TYPE a gauge\na 1\n", 1000), "it is broken")
            app = web.Application()
            app.add_routes(target_routes(lambda: {"j": pool, "empty": Pool(job, MemoryAppender(), lambda: 0, tasks)},
                                         read_matchers))  # fmt: skip
            async with TestClient(TestServer(app)) as client:
                answers = [(got.status, await got.json()) for got in [await client.get(path) for path in paths]]
            await pool.close(ended=False)
            return answers

    return asyncio.run(work())


def test_targets() -> None:
    ((status, answer),) = ask("/api/v1/targets")
    assert status == 200 and answer["status"] == "success"
    first, second = answer["data"]["activeTargets"]
    assert first == {
        "discoveredLabels": {
            ADDRESS: "a:1", "job": "j", "__scrape_interval__": "3600000ms", "__scrape_timeout__": "1000ms",
            "__metrics_path__": "/metrics", "__scheme__": "http",
        },
        "labels": {"instance": "a:1", "job": "j"}, "scrapePool": "j", "scrapeUrl": "http://a:1/metrics",
        "globalUrl": "http://a:1/metrics", "lastError": "", "lastScrape": "2023-11-14T22:13:20.123Z",
        "lastScrapeDuration": 0.5, "health": "up", "scrapeInterval": "1h", "scrapeTimeout": "1s",
    }  # fmt: skip
    assert (second["health"], second["lastError"]) == ("down", "it is broken")
    (dropped,) = answer["data"]["droppedTargets"]
    assert dropped["discoveredLabels"][ADDRESS] == "c:1"
    assert answer["data"]["droppedTargetCounts"] == {"j": 1, "empty": 0}


def test_states_and_pools() -> None:
    active, dropped, none, wrong, pools = ask(
        "/api/v1/targets?state=active", "/api/v1/targets?state=dropped", "/api/v1/targets?scrapePool=empty",
        "/api/v1/targets?state=odd", "/api/v1/scrape_pools",
    )  # fmt: skip
    assert len(active[1]["data"]["activeTargets"]) == 2 and active[1]["data"]["droppedTargets"] == []
    assert dropped[1]["data"]["activeTargets"] == [] and len(dropped[1]["data"]["droppedTargets"]) == 1
    assert none[1]["data"]["activeTargets"] == []
    assert wrong[0] == 400 and wrong[1]["errorType"] == "bad_data"
    assert pools[1]["data"] == {"scrapePools": ["empty", "j"]}


def test_metadata() -> None:
    everything, one, first, each, wrong = ask(
        "/api/v1/metadata", "/api/v1/metadata?metric=b", "/api/v1/metadata?limit=1",
        "/api/v1/metadata?limit_per_metric=1", "/api/v1/metadata?limit=many",
    )  # fmt: skip
    a = [{"type": "counter", "help": "What.", "unit": ""}, {"type": "gauge", "help": "", "unit": ""}]
    assert everything[1]["data"] == {"a": a, "b": [{"type": "gauge", "help": "", "unit": ""}]}
    assert list(one[1]["data"]) == ["b"] and list(first[1]["data"]) == ["a"]
    assert each[1]["data"]["a"] == a[:1]
    assert wrong[0] == 400 and "limit must be a number" in wrong[1]["error"]


def test_metadata_of_targets() -> None:
    everything, chosen, wrong = ask(
        "/api/v1/targets/metadata", '/api/v1/targets/metadata?metric=a&match_target={instance="b:1"}',
        "/api/v1/targets/metadata?match_target={",
    )  # fmt: skip
    assert len(everything[1]["data"]) == 3
    assert {"target": {"instance": "a:1", "job": "j"}, "metric": "b", "type": "gauge", "help": "", "unit": ""} in (
        everything[1]["data"]
    )
    assert chosen[1]["data"] == [{"target": {"instance": "b:1", "job": "j"}, "type": "gauge", "help": "", "unit": ""}]
    assert wrong[0] == 400


@pytest.mark.parametrize("limit", ["0", "2"])
def test_limits_of_metadata_of_targets(limit: str) -> None:
    ((_, answer),) = ask(f"/api/v1/targets/metadata?limit={limit}")
    assert len(answer["data"]) == int(limit)
