"""Of several Telemetries for a whole namespace only the oldest is used. IST0160."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.telemetry_selectors import selector_of
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import TELEMETRIES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    rivals = [other.name for other in view.within(TELEMETRIES, item.namespace) if not selector_of(other)]
    if not selector_of(item) and not item.value.spec.target_refs and len(rivals) > 1:
        yield found(
            item, "IST0160",
            f"The Telemetries {rivals} in namespace {item.namespace} have no workload selector, which can lead to "
            "undefined behavior.",
        )  # fmt: skip


ANALYZER = Analyzer("telemetry.DefaultSelectorAnalyzer", (TELEMETRIES,), (), analyze)
