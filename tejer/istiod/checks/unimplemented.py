"""What Istio knows and this mesh does not act on yet: said on every apply and in `analyze`, never passed over.

Each entry is a kind, a path with `[]` for list items, and what happens instead. Whoever makes one
work takes it off the list; a test holds every path against the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body
from tejer.kube.types import find_type

CODE = "TEJ0001"


class Gap(NamedTuple):
    """`values` limits it to these values, `keys` (of a map) to keys that begin so; empty means whenever it is set."""

    kind: str
    path: str
    instead: str
    values: tuple[str, ...] = ()
    keys: str = ""


_POLICIES = (
    "spec.trafficPolicy", "spec.trafficPolicy.portLevelSettings[]",
    "spec.subsets[].trafficPolicy", "spec.subsets[].trafficPolicy.portLevelSettings[]",
)  # fmt: skip
_CLAIMS = "@request.auth.claims"
_NEAREST = "endpoints are chosen regardless of their locality"

GAPS: tuple[Gap, ...] = (
    Gap("EnvoyFilter", "spec", "the configuration is not patched"),
    Gap("WasmPlugin", "spec", "no filter is added"),
    Gap("TrafficExtension", "spec", "no filter is added"),
    Gap("RequestAuthentication", "spec.jwtRules", "tokens are not checked, so no request has a request principal"),
    Gap("WorkloadGroup", "spec", "no WorkloadEntry is made from it"),
    Gap("ProxyConfig", "spec", "use the annotation proxy.istio.io/config on the pod"),
    Gap("VirtualService", "spec.tcp[].match[].sourceSubnet", "the condition is left out"),
    *(
        Gap("VirtualService", f"spec.http[].match[].{field}", "no request has a token's claims", keys=_CLAIMS)
        for field in ("headers", "withoutHeaders")
    ),
    *(Gap("DestinationRule", f"{base}.loadBalancer.localityLbSetting", _NEAREST) for base in _POLICIES),
    *(Gap("DestinationRule", f"{base}.loadBalancer.zoneAwareLbSetting", _NEAREST) for base in _POLICIES),
    *(Gap("DestinationRule", f"{base}.loadBalancer.backendUtilization", "weights stay equal") for base in _POLICIES),
    *(
        Gap("DestinationRule", f"{base}.outlierDetection.outlierDetectionHttpErrorCodes", "5xx answers count")
        for base in _POLICIES
    ),
    *(Gap("DestinationRule", f"{base}.tunnel", "connections are not tunnelled") for base in _POLICIES[::2]),
    *(Gap("DestinationRule", f"{base}.proxyProtocol", "no PROXY header is sent") for base in _POLICIES[::2]),
    Gap("Gateway", "spec.servers[].tls.mode", "the server is not opened", ("AUTO_PASSTHROUGH",)),
    Gap("Gateway", "spec.servers[].tls.caCertCredentialName", "the CA of credentialName is used"),
    Gap("Gateway", "spec.servers[].tls.ecdhCurves", "Envoy's own curves are offered"),
    Gap("Sidecar", "spec.egress[].port", "its hosts are reachable on all of their ports"),
    Gap("Sidecar", "spec.egress[].bind", "no further address is bound"),
    Gap("Sidecar", "spec.egress[].captureMode", "traffic is captured as everywhere", ("IPTABLES", "NONE")),
    Gap("Sidecar", "spec.ingress[].captureMode", "traffic is captured as everywhere", ("IPTABLES", "NONE")),
    Gap("Sidecar", "spec.outboundTrafficPolicy.egressProxy", "traffic to unknown hosts goes there directly"),
    Gap("ServiceEntry", "spec.resolution", "the hosts are not reachable", ("DYNAMIC_DNS",)),
    Gap("Telemetry", "spec.metrics", "all standard metrics are reported with their usual labels"),
)


def not_yet(body: Body) -> list[Problem]:
    """A warning for every field of the object that has no effect yet."""
    rtype = find_type(str(body.get("apiVersion", "")), str(body.get("kind", "")))
    if rtype is None or rtype.kind not in _BY_KIND:
        return []
    return [
        Problem(
            severity=Severity.WARNING, code=CODE, field=place, kind=rtype.kind, key=rtype.key_of(body),
            message=f"{_what(gap, place)} has no effect in this version: {gap.instead}",
        )
        for gap, place, value in _find(_BY_KIND[rtype.kind], body, "")
        if _concerns(gap, value)
    ]  # fmt: skip


def _concerns(gap: Gap, value: Any) -> bool:
    if gap.keys:
        return isinstance(value, dict) and any(key.startswith(gap.keys) for key in value)
    return not gap.values or value in gap.values


def _what(gap: Gap, place: str) -> str:
    if gap.path == "spec":
        return gap.kind
    name = gap.keys or place.rpartition(".")[2]
    return f"{name} {gap.values[0]}" if len(gap.values) == 1 else name


class _Node:
    """The paths of one kind's gaps as a tree, so that an object is walked once."""

    def __init__(self, gaps: list[tuple[Gap, list[str]]]) -> None:
        self.gaps = [gap for gap, steps in gaps if not steps]
        rest: dict[str, list[tuple[Gap, list[str]]]] = {}
        for gap, steps in gaps:
            if steps:
                rest.setdefault(steps[0], []).append((gap, steps[1:]))
        self.children = {step: _Node(inner) for step, inner in rest.items()}


_BY_KIND = {
    kind: _Node([(gap, gap.path.split(".")) for gap in GAPS if gap.kind == kind]) for kind in {gap.kind for gap in GAPS}
}


def _find(node: _Node, value: Any, path: str) -> Iterator[tuple[Gap, str, Any]]:
    """(gap, path, value) of every set field that a gap's path leads to."""
    if node.gaps and value not in (None, [], ""):
        yield from ((gap, path, value) for gap in node.gaps)
    for step, child in node.children.items():
        name = step.removesuffix("[]")
        inner = value.get(name) if isinstance(value, dict) else None
        if inner is None:
            continue
        place = f"{path}.{name}" if path else name
        if name == step:
            yield from _find(child, inner, place)
        elif isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from _find(child, item, f"{place}[{index}]")
