"""Routing by a claim needs a RequestAuthentication on the gateway, else no request has claims. IST0149."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks import texts
from tejer.istiod.checks.analyzer import Analyzer, found, selects
from tejer.istiod.checks.analyzers.targets import gateway_key
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import VirtualService
from tejer.kube.problem import Problem
from tejer.kube.types import GATEWAYS, PODS, REQUESTAUTHENTICATIONS, VIRTUALSERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    claim = _first_claim(item.value)
    if claim is None:
        return
    path, name = claim
    for gateway_name in item.value.spec.gateways:
        gateway = view.get(GATEWAYS, *gateway_key(gateway_name, item.namespace))
        for pod in view.pods(gateway.value.spec.selector) if gateway is not None else ():
            if not _is_guarded(pod, view):
                yield found(
                    item, "IST0149",
                    f"The virtual service uses the JWT claim based routing (key: {name}) without request "
                    f"authentication on the gateway ({gateway_name}) pod ({pod.name}).",
                    path,
                )  # fmt: skip
                break


def _first_claim(service: VirtualService) -> tuple[str, str] | None:
    for index, route in enumerate(service.spec.http):
        for position, match in enumerate(route.match):
            for name in (*match.headers, *match.without_headers):
                if texts.is_claim(name):
                    return f"spec.http[{index}].match[{position}].headers", name
    return None


def _is_guarded(pod: Item, view: View) -> bool:
    for namespace in {pod.namespace, view.mesh.root_namespace or view.settings.istio_namespace}:
        for policy in view.within(REQUESTAUTHENTICATIONS, namespace):
            selector = policy.value.spec.selector
            if selector is None or selects(selector.match_labels, pod.labels):
                return True
    return False


ANALYZER = Analyzer(
    "virtualservice.JWTClaimRouteAnalyzer", (VIRTUALSERVICES,), (REQUESTAUTHENTICATIONS, GATEWAYS, PODS), analyze
)
