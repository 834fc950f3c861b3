"""Fields and kinds that are going away. IST0002."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import HTTPRoute
from tejer.kube.problem import Problem
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS, SIDECARS, VIRTUALSERVICES

OLD_GROUPS = ("rbac.istio.io", "authentication.istio.io", "config.istio.io", "apim.istio.io")


def analyze(item: Item, _: View) -> Iterator[Problem]:
    if item.rtype is VIRTUALSERVICES:
        for index, route in enumerate(item.value.spec.http):
            yield from _route(item, route, f"spec.http[{index}]")
    elif item.rtype is SIDECARS:
        policy = item.value.spec.outbound_traffic_policy
        if policy is not None and policy.egress_proxy is not None:
            yield _replaced(item, "spec.outboundTrafficPolicy.egressProxy",
                            "OutboundTrafficPolicy.egressProxy", "a ServiceEntry and a VirtualService")  # fmt: skip
    elif str((item.body.get("spec") or {}).get("group", "")) in OLD_GROUPS:
        yield found(item, "IST0002", f"Deprecated: custom resource definition {item.name} is no longer read")


def _route(item: Item, route: HTTPRoute, path: str) -> Iterator[Problem]:
    delay = route.fault.delay if route.fault is not None else None
    if delay is not None and delay.percent:
        yield _replaced(item, f"{path}.fault.delay.percent",
                        "HTTPRoute.fault.delay.percent", "HTTPRoute.fault.delay.percentage")  # fmt: skip
    if route.cors_policy is not None and route.cors_policy.allow_origin:
        yield _replaced(item, f"{path}.corsPolicy.allowOrigin",
                        "HTTPRoute.corsPolicy.allowOrigin", "HTTPRoute.corsPolicy.allowOrigins")  # fmt: skip
    if route.mirror_percent is not None:
        yield _replaced(item, f"{path}.mirrorPercent",
                        "HTTPRoute.mirrorPercent", "HTTPRoute.mirrorPercentage")  # fmt: skip


def _replaced(item: Item, field: str, old: str, new: str) -> Problem:
    return found(item, "IST0002", f"Deprecated: use of {old} is deprecated, use {new} instead", field)


ANALYZER = Analyzer(
    "deprecation.DeprecationAnalyzer", (VIRTUALSERVICES, SIDECARS, CUSTOMRESOURCEDEFINITIONS), (), analyze
)
