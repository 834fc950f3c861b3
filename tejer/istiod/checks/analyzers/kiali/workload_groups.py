"""WorkloadGroups without their ServiceAccount, or with the labels of another. KIA1701, KIA1702."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEACCOUNTS, WORKLOADGROUPS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    template = item.value.spec.template
    account = template.service_account if template is not None else ""
    if account and account != "default" and view.get(SERVICEACCOUNTS, item.namespace, account) is None:
        text = f"There is no ServiceAccount {account} in namespace {item.namespace}."
        yield found(item, "KIA1701", text, "spec.template.serviceAccount")
    labels = _labels(item)
    rivals = [
        other.name
        for other in view.within(WORKLOADGROUPS, item.namespace)
        if labels and other.key != item.key and _labels(other) == labels
    ]
    if rivals:
        yield found(item, "KIA1702", f"{', '.join(rivals)} has the same labels.", "spec.metadata.labels")


def _labels(item: Item) -> dict[str, str]:
    spec = item.value.spec
    labels: dict[str, str] = dict(spec.metadata.labels) if spec.metadata is not None else {}
    return labels or (dict(spec.template.labels) if spec.template is not None else {})


ANALYZER = Analyzer("kiali.WorkloadGroupsAnalyzer", (WORKLOADGROUPS,), (SERVICEACCOUNTS,), analyze)
