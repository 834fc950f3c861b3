"""Selectors that choose no workload, where Istio's analyzers do not look. KIA0004."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, label_text
from tejer.istiod.checks.analyzers.kiali.peer_modes import root_namespace
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import (
    DESTINATIONRULES,
    ENVOYFILTERS,
    PEERAUTHENTICATIONS,
    PODS,
    PROXYCONFIGS,
    REQUESTAUTHENTICATIONS,
    TRAFFICEXTENSIONS,
    WASMPLUGINS,
    WORKLOADENTRIES,
)

EVERYWHERE = (ENVOYFILTERS, PROXYCONFIGS, REQUESTAUTHENTICATIONS, TRAFFICEXTENSIONS, WASMPLUGINS)
"""In the root namespace these select workloads of all namespaces."""


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec = item.value.spec
    name = "workloadSelector" if item.rtype in (ENVOYFILTERS, DESTINATIONRULES) else "selector"
    selector = spec.workload_selector if name == "workloadSelector" else spec.selector
    labels: dict[str, str] = getattr(selector, "match_labels", None) or getattr(selector, "labels", None) or {}
    in_root = item.rtype in EVERYWHERE and item.namespace == root_namespace(view)
    if not labels or view.pods(labels, "" if in_root else item.namespace):
        return
    entries = view.all(WORKLOADENTRIES) if in_root else view.within(WORKLOADENTRIES, item.namespace)
    if not any(labels.items() <= entry.value.spec.labels.items() for entry in entries):
        where = "" if in_root else f" in namespace {item.namespace}"
        yield found(item, "KIA0004", f"No workload{where} has the labels {label_text(labels)}.", f"spec.{name}")


ANALYZER = Analyzer(
    "kiali.SelectorAnalyzer", (*EVERYWHERE, PEERAUTHENTICATIONS, DESTINATIONRULES), (PODS, WORKLOADENTRIES), analyze
)
