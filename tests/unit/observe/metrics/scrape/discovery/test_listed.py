from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tejer.observe.metrics.config import FileDiscovery, HttpDiscovery, StaticConfig
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.discovery.listed import discover_files, discover_http, read_groups, static_groups
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup
from tests.unit.observe.metrics.scrape.exposing import exposing

Publish = Callable[[Sequence[TargetGroup]], None]


def follow(start: Callable[[Publish], Coroutine[Any, Any, None]]) -> tuple[asyncio.Task[None], list[list[str]]]:
    published: list[list[str]] = []

    def publish(groups: Sequence[TargetGroup]) -> None:
        published.append([target[ADDRESS] for group in groups for target in group.targets])

    return asyncio.get_running_loop().create_task(start(publish)), published


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_static_groups() -> None:
    config = msgspec.convert({"targets": ["a:1", "b:2"], "labels": {"x": 1}}, StaticConfig, dec_hook=read_scalar)
    assert static_groups([config]) == [TargetGroup("0", ({ADDRESS: "a:1"}, {ADDRESS: "b:2"}), {"x": "1"})]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"targets": []}, "Expected `array`, got `object`"),
        ([{"targets": [["a"]]}], "expected a single value, got list"),
        ([{"labels": {}}], "missing required field `targets`"),
        ([{"targets": [], "labels": {"a-b": "c"}}], "'a-b' is not a label's name"),
        ([{"target": []}], "unknown field `target`"),
    ],
)
def test_lists_that_are_wrong(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_groups(value, "here")


def test_files_are_followed_and_a_broken_one_keeps_its_targets(tmp_path: Path) -> None:
    async def work() -> None:
        config = msgspec.convert(
            {"files": [str(tmp_path / "*.json"), str(tmp_path / "*.yml")], "refresh_interval": "10ms"},
            FileDiscovery, dec_hook=read_scalar,
        )  # fmt: skip
        (tmp_path / "a.json").write_text(json.dumps([{"targets": ["a:1"]}]))
        task, published = follow(lambda publish: discover_files(config, publish))
        await until(lambda: published == [["a:1"]])
        (tmp_path / "b.yml").write_text("- targets: [b:1]\n  labels: {zone: x}\n")
        await until(lambda: published[-1] == ["a:1", "b:1"])
        (tmp_path / "a.json").write_text("[{")
        (tmp_path / "b.yml").write_text("- targets: [b:2]\n")
        await until(lambda: published[-1] == ["a:1", "b:2"])
        (tmp_path / "a.json").unlink()
        await until(lambda: published[-1] == ["b:2"])
        task.cancel()

    asyncio.run(work())


def test_a_server_is_asked_again_and_its_failure_keeps_its_targets() -> None:
    async def work() -> None:
        async with exposing() as server:
            config = msgspec.convert(
                {"url": f"http://{server.address}/sd", "refresh_interval": "10ms"}, HttpDiscovery, dec_hook=read_scalar
            )
            server.status = 500
            task, published = follow(lambda publish: discover_http(config, publish))
            await until(lambda: published == [[]])
            server.status, server.body = 200, '[{"targets": ["a:1"]}]'
            await until(lambda: published[-1] == ["a:1"])
            for broken in ("<html>", '[{"targets": 1}]'):
                server.body = broken
                asked = len(server.requests)
                await until(partial(lambda before: len(server.requests) > before + 1, asked))
            assert published[-1] == ["a:1"]
            task.cancel()

    asyncio.run(work())
