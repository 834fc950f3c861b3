"""Subsets without labels are the whole host. KIA0209."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES, SERVICEENTRIES, SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    subsets = item.value.spec.subsets
    entry = view.host(item.value.spec.host, item.namespace) if subsets else None
    if entry is None or not entry.selector:
        return  # a subset of an external host may stand for its own policy alone
    for index, subset in enumerate(subsets):
        if not subset.labels:
            text = f"The subset {subset.name} has no labels: it has all pods of {item.value.spec.host}."
            yield found(item, "KIA0209", text, f"spec.subsets[{index}]")


ANALYZER = Analyzer("kiali.SubsetLabelsAnalyzer", (DESTINATIONRULES,), (SERVICES, SERVICEENTRIES), analyze)
