"""Sidecars that do other than they seem to: the mesh's default with a selector, a policy without a mode.

KIA1006, KIA1007.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.kiali.peer_modes import root_namespace
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import SidecarSpec
from tejer.kube.problem import Problem
from tejer.kube.types import SIDECARS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec: SidecarSpec = item.value.spec
    if spec.workload_selector is not None and item.namespace == root_namespace(view):
        yield found(
            item, "KIA1006",
            f"A Sidecar in the root namespace {item.namespace} is the default of the others only without a "
            "workloadSelector; with one it is for the pods of this namespace.",
            "spec.workloadSelector",
        )  # fmt: skip
    if spec.outbound_traffic_policy is not None and not spec.outbound_traffic_policy.mode:
        yield found(
            item, "KIA1007", "An outboundTrafficPolicy without a mode means REGISTRY_ONLY.",
            "spec.outboundTrafficPolicy", "write the mode",
        )  # fmt: skip


ANALYZER = Analyzer("kiali.SidecarDefaultsAnalyzer", (SIDECARS,), (), analyze)
