"""Sidecars that select nothing, the same as another, or workloads without a sidecar. IST0101, 0110, 0111, 0167."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.world import Analyzer, Typed, World, found, selects
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import Sidecar
from tejer.kube.problem import Problem
from tejer.kube.types import NAMESPACES, PODS, SIDECARS


def analyze(world: World) -> Iterator[Problem]:
    sidecars = world.typed(SIDECARS, Sidecar)
    pods = world.typed(PODS, core.Pod)
    for item in sidecars:
        if item.namespace and world.in_ambient(item.namespace):
            yield found(
                item.body, "IST0167",
                f"The {item.value.metadata.name} has no impact: the workloads it selects are in ambient mode.",
                "spec.workloadSelector",
            )  # fmt: skip
        if not _selector(item):
            yield from _defaults(item, sidecars)
        else:
            yield from _selected(item, sidecars, pods)


def _selector(item: Typed) -> dict[str, str]:
    selector = item.value.spec.workload_selector
    return selector.labels if selector is not None else {}


def _defaults(item: Typed, sidecars: list[Typed]) -> Iterator[Problem]:
    rivals = [other.name for other in sidecars if other.namespace == item.namespace and not _selector(other)]
    if len(rivals) > 1:
        yield found(
            item.body, "IST0111",
            f"The Sidecars {rivals} in namespace {item.namespace} have no workload selector, which can lead to "
            "undefined behavior.",
        )  # fmt: skip


def _selected(item: Typed, sidecars: list[Typed], pods: list[Typed]) -> Iterator[Problem]:
    mine = [pod for pod in pods if _takes(item, pod)]
    if not mine:
        text = ",".join(f"{name}={value}" for name, value in sorted(_selector(item).items()))
        yield found(item.body, "IST0101", f'Referenced selector not found: "{text}"', "spec.workloadSelector.labels")
    for pod in mine:
        rivals = [other.name for other in sidecars if _selector(other) and _takes(other, pod)]
        if len(rivals) > 1:
            yield found(
                item.body, "IST0110",
                f"The Sidecars {rivals} in namespace {item.namespace} select the same workload pod {pod.name}, which "
                "can lead to undefined behavior.",
                "spec.workloadSelector.labels",
            )  # fmt: skip
            return


def _takes(item: Typed, pod: Typed) -> bool:
    return item.namespace == pod.namespace and selects(_selector(item), pod.value.metadata.labels)


ANALYZERS = (Analyzer("sidecar.SelectorAnalyzer", (SIDECARS, PODS, NAMESPACES), analyze),)
