"""Sidecars that select nothing, the same as another, or workloads without a sidecar. IST0101, 0110, 0111, 0167."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, label_text, selects
from tejer.istiod.checks.analyzers.injected import in_ambient
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import NAMESPACES, PODS, SIDECARS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    if item.namespace and in_ambient(view.namespace_labels(item.namespace)):
        yield found(
            item, "IST0167", f"The {item.name} has no impact: the workloads it selects are in ambient mode.",
            "spec.workloadSelector",
        )  # fmt: skip
    sidecars = view.within(SIDECARS, item.namespace)
    if not _selector(item):
        yield from _defaults(item, sidecars)
    else:
        yield from _selected(item, sidecars, view)


def _selector(item: Item) -> dict[str, str]:
    selector = item.value.spec.workload_selector
    return selector.labels if selector is not None else {}


def _defaults(item: Item, sidecars: list[Item]) -> Iterator[Problem]:
    rivals = [other.name for other in sidecars if not _selector(other)]
    if len(rivals) > 1:
        yield found(
            item, "IST0111",
            f"The Sidecars {rivals} in namespace {item.namespace} have no workload selector, which can lead to "
            "undefined behavior.",
        )  # fmt: skip


def _selected(item: Item, sidecars: list[Item], view: View) -> Iterator[Problem]:
    mine = view.pods(_selector(item), item.namespace)
    if not mine:
        text = label_text(_selector(item))
        yield found(item, "IST0101", f'Referenced selector not found: "{text}"', "spec.workloadSelector.labels")
    for pod in mine:
        rivals = [other.name for other in sidecars if _selector(other) and selects(_selector(other), pod.labels)]
        if len(rivals) > 1:
            yield found(
                item, "IST0110",
                f"The Sidecars {rivals} in namespace {item.namespace} select the same workload pod {pod.name}, which "
                "can lead to undefined behavior.",
                "spec.workloadSelector.labels",
            )  # fmt: skip
            return


ANALYZER = Analyzer("sidecar.SelectorAnalyzer", (SIDECARS,), (PODS, NAMESPACES), analyze)
