"""The proxy's user ID is not captured: an app that has it bypasses the mesh. IST0144."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.injected import is_system
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import core
from tejer.kube.problem import Problem
from tejer.kube.types import DEPLOYMENTS, PODS

PROXY_UID = 1337
PROXIES = ("istio-proxy", "operator")


def analyze(item: Item, view: View) -> Iterator[Problem]:
    holder = item.value if item.rtype is PODS else item.value.spec.template
    if holder is not None and not is_system(item.namespace, view) and _runs_as_proxy(holder.spec):
        yield found(item, "IST0144", f"User ID (UID) {PROXY_UID} is reserved for the sidecar proxy.")


def _runs_as_proxy(spec: core.PodSpec) -> bool:
    for container in spec.containers:
        context = container.security_context
        if container.name not in PROXIES and context and context.run_as_user == PROXY_UID:
            return True
    pod = spec.security_context
    return pod is not None and pod.run_as_user == PROXY_UID


ANALYZER = Analyzer("applicationUID.Analyzer", (PODS, DEPLOYMENTS), (), analyze)
