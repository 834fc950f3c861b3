"""Discovery by lists: `static_configs`, files and HTTP.

A list that can't be read any more leaves the last one in place.

Source: prometheus.io/docs "file_sd_config", "http_sd_config".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tejer.kube.manifest import load_value
from tejer.observe.metrics.config import LABEL_NAME, FileDiscovery, HttpDiscovery, StaticConfig
from tejer.observe.metrics.scalars import Text, read_scalar
from tejer.observe.metrics.scrape.client import Client, FetchError
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup

log = logging.getLogger(__name__)
Publish = Callable[[Sequence[TargetGroup]], None]

HTTP_SECONDS = 30.0
LARGEST = 16 * 1024 * 1024
FILE_POLL = 5.0
"""Seconds between two looks at the files' times: stands in for inotify."""


class _Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    targets: tuple[Text, ...]
    labels: dict[str, Text] = {}


def static_groups(configs: Sequence[StaticConfig]) -> list[TargetGroup]:
    return [_group(str(index), config.targets, config.labels) for index, config in enumerate(configs)]


def _group(source: str, targets: Sequence[str], labels: dict[str, Text]) -> TargetGroup:
    return TargetGroup(
        source,
        tuple({ADDRESS: str(target)} for target in targets),
        {name: str(value) for name, value in labels.items()},
    )


def read_groups(value: Any, source: str) -> list[TargetGroup]:
    """Groups of a decoded list. Raises ValueError saying what is wrong where."""
    try:
        groups = msgspec.convert(value or [], list[_Group], dec_hook=read_scalar)
    except msgspec.ValidationError as error:
        raise ValueError(f"{source}: {error}") from None
    for group in groups:
        for name in group.labels:
            if not LABEL_NAME.fullmatch(name):
                raise ValueError(f"{source}: {name!r} is not a label's name")
    return [_group(f"{source}:{index}", group.targets, group.labels) for index, group in enumerate(groups)]


async def discover_files(config: FileDiscovery, publish: Publish) -> None:
    """Files of JSON or YAML, by pattern. Runs until cancelled."""
    known: dict[Path, tuple[int, list[TargetGroup]]] = {}
    first = True
    while True:
        found = sorted({path for pattern in config.files for path in _matching(str(pattern))})
        changed = first or any(path not in found for path in known)
        known = {path: entry for path, entry in known.items() if path in found}
        for path in found:
            try:
                time = path.stat().st_mtime_ns
                if known.get(path, (0, []))[0] == time:
                    continue
                known[path] = (time, known.get(path, (0, []))[1])
                known[path] = (time, read_groups(load_value(path.read_text(), str(path)), str(path)))
                changed = True
            except (OSError, ValueError) as error:
                log.warning("file_sd_configs: %s", error)
        if changed:
            publish([group for _, groups in known.values() for group in groups])
        first = False
        await asyncio.sleep(min(FILE_POLL, config.refresh_interval / 1000))


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    return list(path.parent.glob(path.name)) if path.parent.is_dir() else []


async def discover_http(config: HttpDiscovery, publish: Publish) -> None:
    """A server's JSON list, asked again every `refresh_interval`. Runs until cancelled."""
    url = str(config.url)
    headers = {
        "Accept": "application/json",
        "X-Prometheus-Refresh-Interval-Seconds": str(config.refresh_interval / 1000),
    }
    published = False
    async with Client(config) as client:
        while True:
            try:
                answer = await client.get(url, seconds=HTTP_SECONDS, limit=LARGEST, headers=headers)
                publish(read_groups(msgspec.json.decode(answer.body), url))
                published = True
            except (FetchError, ValueError) as error:  # msgspec's DecodeError is one
                log.warning("http_sd_configs: %s", error)
                if not published:
                    publish([])
                    published = True
            await asyncio.sleep(config.refresh_interval / 1000)
