"""The targets of one job: started, stopped and replaced as discovery and configuration change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scrape.client import Client
from tejer.observe.metrics.scrape.limits import limits_of
from tejer.observe.metrics.scrape.loop import Clock, ScrapeLoop
from tejer.observe.metrics.scrape.target import Target, TargetGroup, discovered_labels, make_target
from tejer.observe.metrics.series import Appender

log = logging.getLogger(__name__)
DROPPED_SHOWN = 1000
"""Dropped targets that are kept to be shown, of each job."""


class Pool:
    """`loops` are the active targets; `dropped` the discovered labels of those that relabelling left out.

    `problem` says why some of what was found can't be a target; it is logged when it changes.
    """

    def __init__(self, job: ScrapeConfig, appender: Appender, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self.job = job
        self.loops: dict[Target, ScrapeLoop] = {}
        self.dropped: list[Mapping[str, str]] = []
        self.dropped_count = 0
        self.problem = ""
        self._appender, self._clock, self._tasks = appender, clock, tasks
        self._client = Client(job, compress=job.enable_compression)
        self._running: dict[Target, asyncio.Task[None]] = {}

    def sync(self, groups: Sequence[TargetGroup]) -> None:
        """Scrape exactly the targets of `groups`. Those that vanished end with stale markers."""
        wanted = self._targets(groups)
        gone = [target for target in self.loops if target not in wanted]
        added = [target for target in wanted if target not in self.loops]
        heirs = {target.labels: target for target in added}
        for target in gone:
            loop = self._stop(target)
            heir = heirs.get(target.labels)
            if heir is None:
                loop.end(self._clock())
            else:
                self._start(heir, wanted[heir]).recorder.succeed(loop.recorder)
        for target in added:
            if target not in self.loops:
                self._start(target, wanted[target])

    async def configure(self, job: ScrapeConfig) -> None:
        """Go on with the same targets under new settings; the next `sync` brings those that the new ones lead to."""
        old, self.job = self._client, job
        self._client = Client(job, compress=job.enable_compression)
        for target in list(self.loops):
            loop = self._stop(target)
            self._start(target, loop.discovered).recorder.succeed(loop.recorder)
        await old.close()

    async def close(self, *, ended: bool) -> None:
        """Stop. `ended`: the job is gone from the configuration, so its series end; otherwise the server stops."""
        for target in list(self.loops):
            loop = self._stop(target)
            if ended:
                loop.end(self._clock())
        await self._client.close()

    def _targets(self, groups: Sequence[TargetGroup]) -> dict[Target, Mapping[str, str]]:
        wanted: dict[Target, Mapping[str, str]] = {}
        self.dropped, self.dropped_count = [], 0
        problem = ""
        for group in groups:
            for found in group.targets:
                labels = discovered_labels(found, group.labels, self.job)
                try:
                    target = make_target(labels, self.job)
                except ValueError as error:
                    problem = problem or f"{group.source}: {error}"
                    continue
                if target is None:
                    self.dropped_count += 1
                    if len(self.dropped) < DROPPED_SHOWN:
                        self.dropped.append(labels)
                else:
                    wanted.setdefault(target, labels)
        limit = limits_of(self.job).targets
        if len(wanted) > limit:
            problem = f"{len(wanted)} targets; at most {limit} are scraped for one job: none is"
            wanted = {}
        if problem and problem != self.problem:
            log.warning("job %s: %s", self.job.job_name, problem)
        self.problem = problem
        return wanted

    def _start(self, target: Target, discovered: Mapping[str, str]) -> ScrapeLoop:
        loop = ScrapeLoop(target, discovered, self.job, self._client, self._appender, self._clock)
        self.loops[target] = loop
        self._running[target] = self._tasks.create_task(loop.run())
        return loop

    def _stop(self, target: Target) -> ScrapeLoop:
        self._running.pop(target).cancel()
        return self.loops.pop(target)
