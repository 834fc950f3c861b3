"""A configuration for a Prometheus that can't discover Kubernetes (Debian's is built without): we discover for it.

Each `kubernetes_sd_configs` entry becomes a `file_sd_configs` one, whose file we keep up to date: the same labels
reach the same relabelling. Everything else is handed on as it is, to be judged by that Prometheus.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from tejer.kube.dump import to_yaml
from tejer.kube.manifest import load_value
from tejer.observe.metrics.config import KubernetesDiscovery
from tejer.observe.metrics.loading import ConfigError
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.discovery.kubernetes import Publish, discover
from tejer.observe.metrics.scrape.scraper import ClusterOf
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup

log = logging.getLogger(__name__)


class Derived(NamedTuple):
    """The configuration to run with, and what to discover into which file."""

    text: str
    discoveries: dict[Path, KubernetesDiscovery]


def derive(text: str, file: str, directory: Path) -> Derived:
    """Pure. Raises ConfigError for what isn't YAML or has a discovery that can't be done."""
    try:
        body = load_value(text, file)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    jobs = body.get("scrape_configs") if isinstance(body, dict) else None
    discoveries: dict[Path, KubernetesDiscovery] = {}
    for job in jobs if isinstance(jobs, list) else ():
        if not isinstance(job, dict) or not isinstance(entries := job.pop("kubernetes_sd_configs", None), list):
            continue
        name = str(job.get("job_name", ""))
        paths = []
        for number, entry in enumerate(entries):
            path = directory / f"{quote(name, safe='')}-{number}.json"
            try:
                discoveries[path] = msgspec.convert(entry, KubernetesDiscovery, dec_hook=read_scalar)
            except msgspec.ValidationError as error:
                raise ConfigError(f"{file}: job {name}: kubernetes_sd_configs[{number}]: {error}") from None
            paths.append(str(path))
        job["file_sd_configs"] = [*(job.get("file_sd_configs") or ()), {"files": paths}]
    return Derived(to_yaml(body) if body else "", discoveries)


class Discoverer:
    """Keeps a derived configuration and its files of targets in `directory`."""

    def __init__(self, config: Path, directory: Path, tasks: asyncio.TaskGroup, cluster_of: ClusterOf) -> None:
        self.path = directory / "prometheus.yml"
        self._config, self._directory, self._tasks, self._cluster_of = config, directory, tasks, cluster_of
        self._running: dict[Path, asyncio.Task[None]] = {}
        self._discoveries: dict[Path, KubernetesDiscovery] = {}

    def follow(self) -> None:
        """Derive from the configuration as it is now. Raises ConfigError or OSError; then all stays as it was."""
        derived = derive(self._config.read_text(), str(self._config), self._directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        for path in [path for path in self._running if derived.discoveries.get(path) != self._discoveries[path]]:
            self._running.pop(path).cancel()
        for path, config in derived.discoveries.items():
            if path not in self._running:
                if not path.exists():
                    _write(path, b"[]")
                self._running[path] = self._tasks.create_task(self._discover(config, path))
        self._discoveries = derived.discoveries
        _write(self.path, derived.text.encode())

    def close(self) -> None:
        for task in self._running.values():
            task.cancel()

    async def _discover(self, config: KubernetesDiscovery, path: Path) -> None:
        try:
            cluster = self._cluster_of(str(config.kubeconfig_file))
        except (OSError, ValueError) as error:
            log.warning("no targets of role %s: %s", config.role, error)
            return
        publish: Publish = partial(write_groups, path)
        await discover(cluster, config, publish)


def write_groups(path: Path, groups: Sequence[TargetGroup]) -> None:
    """`groups` in the format of file_sd: one group for each target, since targets have labels of their own."""
    listed: list[dict[str, Any]] = []
    for group in groups:
        for target in group.targets:
            own = {name: value for name, value in target.items() if name != ADDRESS}
            listed.append({"targets": [target[ADDRESS]], "labels": {**group.labels, **own}})
    data = msgspec.json.encode(listed)
    try:
        if not path.exists() or path.read_bytes() != data:
            _write(path, data)
    except OSError as error:
        log.warning("%s can't be written: %s", path, error)


def _write(path: Path, data: bytes) -> None:
    """Replace the file whole; it may hold credentials of the configuration."""
    temporary = path.with_name(path.name + ".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    temporary.replace(path)
