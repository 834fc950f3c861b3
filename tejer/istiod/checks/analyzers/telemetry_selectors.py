"""Telemetries that select nothing, or the same as another. IST0101, 0159."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, label_text, selects
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import PODS, TELEMETRIES


def selector_of(item: Item) -> dict[str, str]:
    selector = item.value.spec.selector
    return selector.match_labels if selector is not None else {}


def analyze(item: Item, view: View) -> Iterator[Problem]:
    selector = selector_of(item)
    if not selector:
        return
    mine = view.pods(selector, item.namespace)
    if not mine:
        text = f'Referenced selector not found: "{label_text(selector)}"'
        yield found(item, "IST0101", text, "spec.selector.matchLabels")
    others = [other for other in view.within(TELEMETRIES, item.namespace) if selector_of(other)]
    for pod in mine:
        rivals = [other.name for other in others if selects(selector_of(other), pod.labels)]
        if len(rivals) > 1:
            yield found(
                item, "IST0159",
                f"The Telemetries {rivals} in namespace {item.namespace} select the same workload pod {pod.name}, "
                "which can lead to undefined behavior.",
                "spec.selector.matchLabels",
            )  # fmt: skip
            return


ANALYZER = Analyzer("telemetry.SelectorAnalyzer", (TELEMETRIES,), (PODS,), analyze)
