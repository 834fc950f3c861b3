"""Objects and fields that have no effect in this version. TEJ0001."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.unimplemented import not_yet
from tejer.istiod.checks.world import Analyzer, World
from tejer.kube.problem import Problem


def analyze(world: World) -> Iterator[Problem]:
    for body in world.all():
        yield from not_yet(body)


ANALYZERS = (Analyzer("tejer.UnimplementedAnalyzer", (), analyze),)
