"""DestinationRules for unknown hosts, and subsets that no pod is in. IST0173, 0174."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import DestinationRule
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES, PODS, SERVICEENTRIES, SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    rule: DestinationRule = item.value
    if rule.spec.host.startswith("*"):
        return
    entry = view.host(rule.spec.host, item.namespace)
    if entry is None:
        yield found(
            item, "IST0174",
            f"The host {rule.spec.host} defined in the DestinationRule does not match any services in the mesh.",
            "spec.host",
        )  # fmt: skip
        return
    for index, subset in enumerate(rule.spec.subsets if entry.selector else ()):
        wanted = {**entry.selector, **subset.labels}
        if not view.pods(wanted, entry.namespace):
            yield found(
                item, "IST0173",
                f"The subset {subset.name} defined in the DestinationRule does not select any pods, which may lead "
                "to 503 UH (NoHealthyUpstream).",
                f"spec.subsets[{index}]",
            )  # fmt: skip


ANALYZER = Analyzer(
    "destinationrule.SubsetSelectPodAnalyzer", (DESTINATIONRULES,), (SERVICES, SERVICEENTRIES, PODS), analyze
)
