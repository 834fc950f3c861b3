"""Fields and kinds that are going away. IST0002."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.world import Analyzer, World, found
from tejer.kube.kinds.istio_networking import Sidecar, VirtualService
from tejer.kube.problem import Problem
from tejer.kube.resource import name_of
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS, SIDECARS, VIRTUALSERVICES

OLD_GROUPS = ("rbac.istio.io", "authentication.istio.io", "config.istio.io", "apim.istio.io")


def analyze(world: World) -> Iterator[Problem]:
    for item in world.typed(VIRTUALSERVICES, VirtualService):
        for index, route in enumerate(item.value.spec.http):
            delay = route.fault.delay if route.fault is not None else None
            if delay is not None and delay.percent:
                yield _replaced(item.body, f"spec.http[{index}].fault.delay.percent",
                                "HTTPRoute.fault.delay.percent", "HTTPRoute.fault.delay.percentage")  # fmt: skip
            if route.cors_policy is not None and route.cors_policy.allow_origin:
                yield _replaced(item.body, f"spec.http[{index}].corsPolicy.allowOrigin",
                                "HTTPRoute.corsPolicy.allowOrigin", "HTTPRoute.corsPolicy.allowOrigins")  # fmt: skip
            if route.mirror_percent is not None:
                yield _replaced(item.body, f"spec.http[{index}].mirrorPercent",
                                "HTTPRoute.mirrorPercent", "HTTPRoute.mirrorPercentage")  # fmt: skip
    for item in world.typed(SIDECARS, Sidecar):
        policy = item.value.spec.outbound_traffic_policy
        if policy is not None and policy.egress_proxy is not None:
            yield _replaced(item.body, "spec.outboundTrafficPolicy.egressProxy",
                            "OutboundTrafficPolicy.egressProxy", "a ServiceEntry and a VirtualService")  # fmt: skip
    for body in world.of(CUSTOMRESOURCEDEFINITIONS):
        group = str((body.get("spec") or {}).get("group", ""))
        if group in OLD_GROUPS:
            yield found(body, "IST0002", f"Deprecated: custom resource definition {name_of(body)} is no longer read")


def _replaced(body: dict[str, object], field: str, old: str, new: str) -> Problem:
    return found(body, "IST0002", f"Deprecated: use of {old} is deprecated, use {new} instead", field)


ANALYZERS = (Analyzer("deprecation.DeprecationAnalyzer", (VIRTUALSERVICES, SIDECARS), analyze),)
