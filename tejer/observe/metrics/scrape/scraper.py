"""The scraping half of the server: jobs of the current configuration, their discovery and their targets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from tejer.observe.metrics.config import Config, KubernetesDiscovery, ScrapeConfig
from tejer.observe.metrics.scrape.discovery.kubernetes import Cluster, discover
from tejer.observe.metrics.scrape.discovery.listed import discover_files, discover_http, static_groups
from tejer.observe.metrics.scrape.loop import Clock
from tejer.observe.metrics.scrape.pool import Pool
from tejer.observe.metrics.scrape.target import TargetGroup
from tejer.observe.metrics.series import Appender

log = logging.getLogger(__name__)
Publish = Callable[[Sequence[TargetGroup]], None]
ClusterOf = Callable[[str], Cluster]
"""The cluster of a kubeconfig file, "" for the one we run in. Raises OSError or ValueError where there is none."""


class Scraper:
    """`pools` are the jobs by name, in the configuration's order."""

    def __init__(self, appender: Appender, clock: Clock, tasks: asyncio.TaskGroup, cluster_of: ClusterOf) -> None:
        self.pools: dict[str, Pool] = {}
        self._appender, self._clock, self._tasks, self._cluster_of = appender, clock, tasks, cluster_of
        self._discoveries: dict[str, list[asyncio.Task[None]]] = {}

    async def apply(self, config: Config) -> None:
        """Follow `config`: unchanged jobs go on, changed ones keep their targets until discovery has spoken."""
        jobs = {str(job.job_name): job for job in config.scrape_configs}
        for name in [name for name in self.pools if name not in jobs]:
            self._end_discovery(name)
            await self.pools.pop(name).close(ended=True)
        for name, job in jobs.items():
            pool = self.pools.get(name)
            if pool is not None and pool.job == job:
                continue
            self._end_discovery(name)
            if pool is None:
                pool = self.pools[name] = Pool(job, self._appender, self._clock, self._tasks)
            else:
                await pool.configure(job)
            self._discoveries[name] = self._discover(pool, job)
        self.pools = {name: self.pools[name] for name in jobs}

    async def close(self) -> None:
        for name, pool in self.pools.items():
            self._end_discovery(name)
            await pool.close(ended=False)

    def _end_discovery(self, name: str) -> None:
        for task in self._discoveries.pop(name, ()):
            task.cancel()

    def _discover(self, pool: Pool, job: ScrapeConfig) -> list[asyncio.Task[None]]:
        """Run the job's discoveries; the pool follows once each has spoken."""
        starts: list[Callable[[Publish], Coroutine[Any, Any, None]]] = [
            *(partial(discover_files, config) for config in job.file_sd_configs),
            *(partial(discover_http, config) for config in job.http_sd_configs),
            *(partial(self._discover_kubernetes, config) for config in job.kubernetes_sd_configs),
        ]
        found: dict[int, Sequence[TargetGroup]] = {}
        static = static_groups(job.static_configs)

        def publish(number: int, groups: Sequence[TargetGroup]) -> None:
            found[number] = groups
            if len(found) < len(starts):
                return
            try:
                pool.sync([*static, *(group for each in found.values() for group in each)])
            except Exception:  # whatever was found, the other jobs go on
                log.exception("job %s: its targets stay as they are", job.job_name)

        if not starts:
            pool.sync(static)
        return [self._tasks.create_task(start(partial(publish, number))) for number, start in enumerate(starts)]

    async def _discover_kubernetes(self, config: KubernetesDiscovery, publish: Publish) -> None:
        try:
            cluster = self._cluster_of(str(config.kubeconfig_file))
        except (OSError, ValueError) as error:
            log.warning("kubernetes_sd_configs: no targets of role %s: %s", config.role, error)
            publish([])
            return
        await discover(cluster, config, publish)
