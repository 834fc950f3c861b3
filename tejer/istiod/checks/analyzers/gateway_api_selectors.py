"""A policy that selects a Gateway API gateway's pods by label does nothing there: it takes targetRefs. IST0166."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.resource import Body
from tejer.kube.types import AUTHORIZATIONPOLICIES, PODS, REQUESTAUTHENTICATIONS, TELEMETRIES, WASMPLUGINS

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def analyze(item: Item, view: View) -> Iterator[Problem]:
    selector = _selector(item.body)
    if not selector:
        return
    for pod in view.pods(selector, item.namespace):
        if name := pod.labels.get(GATEWAY_NAME):
            text = f"Ineffective selector on Kubernetes Gateway {name}. Use the TargetRef field instead."
            yield found(item, "IST0166", text, "spec.selector")
            return


def _selector(body: Body) -> dict[str, str]:
    spec = body.get("spec")
    selector = spec.get("selector") if isinstance(spec, dict) else None
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    return labels if isinstance(labels, dict) else {}


ANALYZER = Analyzer(
    "k8sgateway.SelectorAnalyzer",
    (AUTHORIZATIONPOLICIES, REQUESTAUTHENTICATIONS, TELEMETRIES, WASMPLUGINS), (PODS,), analyze,
)  # fmt: skip
