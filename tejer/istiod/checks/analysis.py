"""All analyzers, in a literal list, and running them over a world."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tejer.istiod.checks.analyzers import (
    annotation,
    authorization,
    deprecation,
    destination_rule,
    envoy_filter,
    gateway,
    injection,
    mesh,
    schema,
    service_entry,
    sidecar,
    telemetry,
    unimplemented,
    virtual_service,
    webhook,
    workloads,
)
from tejer.istiod.checks.world import Analyzer, World
from tejer.kube.problem import Problem
from tejer.kube.types import ResourceType

ANALYZERS: tuple[Analyzer, ...] = (
    *annotation.ANALYZERS,
    *authorization.ANALYZERS,
    *deprecation.ANALYZERS,
    *destination_rule.ANALYZERS,
    *envoy_filter.ANALYZERS,
    *gateway.ANALYZERS,
    *injection.ANALYZERS,
    *mesh.ANALYZERS,
    *schema.ANALYZERS,
    *service_entry.ANALYZERS,
    *sidecar.ANALYZERS,
    *telemetry.ANALYZERS,
    *unimplemented.ANALYZERS,
    *virtual_service.ANALYZERS,
    *webhook.ANALYZERS,
    *workloads.ANALYZERS,
)


def needed_types(analyzers: Iterable[Analyzer] = ANALYZERS) -> tuple[ResourceType, ...]:
    """The kinds that the analyzers read, each once."""
    return tuple(dict.fromkeys(rtype for analyzer in analyzers for rtype in analyzer.needs))


def analyze(world: World, *, only: Collection[str] = (), absent: Collection[ResourceType] = ()) -> list[Problem]:
    """The messages of all analyzers, or of those named in `only`: each once, errors first, then by object.

    An analyzer that needs a kind in `absent` (one that could not be read) is left out: it would report what it can't
    see.
    """
    problems: dict[tuple[object, ...], Problem] = {}
    for analyzer in ANALYZERS:
        if (only and analyzer.name not in only) or any(rtype in absent for rtype in analyzer.needs):
            continue
        for problem in analyzer.run(world):
            problems.setdefault((problem.code, problem.key, problem.kind, problem.message), problem)
    return sorted(problems.values(), key=_order)


def _order(problem: Problem) -> tuple[int, str, tuple[str, ...], str]:
    return -problem.severity, problem.code, tuple(problem.key or ()), problem.message
