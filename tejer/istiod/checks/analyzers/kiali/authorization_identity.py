"""Conditions on the caller's identity where mutual TLS is off, so that nobody has one. KIA0105."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.kiali.peer_modes import modes_of, root_namespace
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.istiod.model.authn import DISABLE
from tejer.kube.kinds.istio_security import Source
from tejer.kube.problem import Problem
from tejer.kube.types import AUTHORIZATIONPOLICIES, PEERAUTHENTICATIONS, PODS

FIELDS = {
    "principals": "principals", "notPrincipals": "not_principals", "namespaces": "namespaces",
    "notNamespaces": "not_namespaces", "serviceAccounts": "service_accounts",
    "notServiceAccounts": "not_service_accounts", "trustDomains": "trust_domains",
    "notTrustDomains": "not_trust_domains",
}  # fmt: skip


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec = item.value.spec
    used = [
        f"spec.rules[{index}].from[{position}].source.{name}"
        for index, rule in enumerate(spec.rules)
        for position, source in enumerate(rule.from_)
        for name in _fields(source.source)
    ]
    if not used:
        return
    wanted = spec.selector.match_labels if spec.selector is not None else {}
    for pod in view.pods(wanted, "" if item.namespace == root_namespace(view) else item.namespace):
        if modes_of(pod, view).default == DISABLE:
            for field in used:
                yield found(
                    item, "KIA0105",
                    f"This needs mutual TLS, which a PeerAuthentication turns off for the pod {pod.place}: no caller "
                    "has an identity there.",
                    field,
                )  # fmt: skip
            return


def _fields(source: Source | None) -> list[str]:
    return [name for name, attribute in FIELDS.items() if source is not None and getattr(source, attribute)]


ANALYZER = Analyzer(
    "kiali.AuthorizationIdentityAnalyzer", (AUTHORIZATIONPOLICIES,), (PODS, PEERAUTHENTICATIONS), analyze
)
