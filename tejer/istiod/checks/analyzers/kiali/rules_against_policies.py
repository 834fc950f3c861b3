"""TLS that a DestinationRule makes clients send and the pods' PeerAuthentication refuses. KIA0207, KIA0505.

Kiali also wants a DestinationRule for each PeerAuthentication (KIA0205, 0206, 0401, 0501): with automatic mutual TLS,
clients find out by themselves, and without it a PERMISSIVE server takes both.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.kiali.peer_modes import modes_of
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.istiod.model.authn import DISABLE, STRICT
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES, PEERAUTHENTICATIONS, PODS, SERVICEENTRIES, SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec = item.value.spec
    mode = spec.traffic_policy.tls.mode if spec.traffic_policy is not None and spec.traffic_policy.tls else None
    entry = view.host(spec.host, item.namespace) if mode is not None else None
    if entry is None or not entry.selector:
        return
    plaintext = mode in ("", "DISABLE")
    for pod in view.pods(entry.selector, entry.namespace):
        served = modes_of(pod, view).default
        if plaintext and served == STRICT:
            yield found(
                item, "KIA0207",
                f"Clients are told to send plaintext to {spec.host}, and its pod {pod.name} takes mutual TLS only "
                "(STRICT): requests fail.",
                "spec.trafficPolicy.tls.mode", "leave tls out, or write ISTIO_MUTUAL",
            )  # fmt: skip
            return
        if mode == "ISTIO_MUTUAL" and served == DISABLE:
            yield found(
                item, "KIA0505",
                f"Clients are told to send mutual TLS to {spec.host}, and a PeerAuthentication turns it off for its "
                f"pod {pod.name}: requests fail.",
                "spec.trafficPolicy.tls.mode", "leave tls out: clients find out by themselves",
            )  # fmt: skip
            return


ANALYZER = Analyzer(
    "kiali.RulesAgainstPoliciesAnalyzer", (DESTINATIONRULES,), (PEERAUTHENTICATIONS, PODS, SERVICES, SERVICEENTRIES),
    analyze,
)  # fmt: skip
