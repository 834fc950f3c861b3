"""Analysis of the running mesh: the analyzers of `tejer analyze`, kept up to date with what the informers deliver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from tejer.istiod.checks.analysis import Analysis, needed_types
from tejer.istiod.checks.analyzer import Analyzer
from tejer.istiod.checks.analyzers import conditions
from tejer.istiod.checks.analyzers.listed import ANALYZERS
from tejer.istiod.checks.world import Settings
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, Change, Key
from tejer.kube.types import ResourceType

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.05
"""What arrives within this time (a `kubectl apply` of many objects) is analysed together."""

LIVE: tuple[Analyzer, ...] = tuple(a for a in ANALYZERS if a is not conditions.ANALYZER)
"""Not the one that reads conditions: those are what we write."""


class LiveAnalysis:
    """`watched` are the kinds the informers deliver; `on_change` is called on the loop when problems have changed."""

    def __init__(
        self, watched: Collection[ResourceType], settings: Settings, parse_yaml: Callable[[str], Any],
        on_change: Callable[[], None],
    ) -> None:  # fmt: skip
        self._absent = frozenset(needed_types(LIVE)) - frozenset(watched)
        self._settings, self._parse_yaml, self._on_change = settings, parse_yaml, on_change
        self._by_key: dict[Key, list[Problem]] = {}
        self._changes: dict[Key, Body | None] = {}
        self._wake = asyncio.Event()

    def problems(self) -> list[Problem]:
        """Everything wrong at the last look."""
        return [problem for found in self._by_key.values() for problem in found]

    def submit(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._changes[change.key] = change.new
        self._wake.set()

    def configure(self, text: str) -> None:
        """MeshConfig as YAML. One that can't be read leaves the settings as they were; the model reports it."""
        try:
            mesh = msgspec.convert(self._parse_yaml(text) or {}, MeshConfig)
        except (ValueError, TypeError) as error:
            log.warning("analysis goes on with the settings before: %s", error)
            return
        self._settings = msgspec.structs.replace(self._settings, mesh=mesh)
        self._wake.set()

    async def run(self) -> None:
        analysis = await asyncio.to_thread(Analysis, self._settings, LIVE, absent=self._absent)
        known = self._settings
        while True:
            await self._wake.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._wake.clear()
            changes, self._changes = self._changes, {}
            settings, known = (self._settings if self._settings is not known else None), self._settings
            # The first look takes seconds in a large mesh: connections must not wait for it.
            if found := await asyncio.to_thread(_look, analysis, changes, settings):
                self._by_key = {key: problems for key, problems in {**self._by_key, **found}.items() if problems}
                self._on_change()


def _look(analysis: Analysis, changes: dict[Key, Body | None], settings: Settings | None) -> dict[Key, list[Problem]]:
    """The problems of every object whose problems may have changed."""
    if settings is not None:
        analysis.configure(settings)
    analysis.put(
        [body for body in changes.values() if body is not None],
        [key for key, body in changes.items() if body is None],
    )
    changed, analysis.changed = analysis.changed, set()
    return {key: analysis.problems_of(key) for key in changed}
