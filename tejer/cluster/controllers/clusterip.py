"""ClusterIPs and node ports, given to a Service on the API server's write path: clients read them at once.

Pure: the caller passes the Services that exist. Rules as in Kubernetes' `pkg/registry/core/service`: a dynamic address
comes from the upper part of the network, so that the lower one stays free for addresses that users choose.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from tejer.kube.api import ApiError
from tejer.kube.resource import Body, name_of

FIRST_NODE_PORT, LAST_NODE_PORT = 30000, 32767
_HEADLESS = "None"


def allocate(used: Collection[str], cidr: str) -> str:
    """A free address of `cidr`: first the band above the lower 16..256 addresses, then that band too.

    Raises ApiError 500 when every address is taken.
    """
    network = ipaddress.IPv4Network(cidr)
    band = min(max(16, network.num_addresses // 16), 256)
    upper, lower = range(band + 1, network.num_addresses - 1), range(1, band + 1)
    for offset in chain(upper, lower):
        address = str(network[offset])
        if address not in used:
            return address
    raise ApiError(500, "InternalError", f"no free ClusterIP is left in {cidr}: delete Services you no longer need")


def assign_addresses(service: Body, others: Iterable[Body], cidr: str, old: Body | None = None) -> Body:
    """`service` with clusterIP(s), IP family and node ports filled in; `others` are all other Services of the cluster.

    On an update pass the stored object as `old`: its addresses are kept where the new one leaves them out.
    Raises ApiError 422 for an address that is taken, outside `cidr`, or changed.
    """
    spec: Body = dict(service.get("spec") or {})
    others = list(others)
    kind = spec.get("type") or "ClusterIP"
    if kind == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(field, None)
    else:
        spec = _with_cluster_ip(service, spec, others, cidr, old)
    if kind in ("NodePort", "LoadBalancer") and spec.get("allocateLoadBalancerNodePorts", True):
        spec["ports"] = _with_node_ports(service, spec.get("ports") or [], others, old)
    elif kind == "ClusterIP" and old is not None:
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports") or []]
    return {**service, "spec": spec}


def _with_cluster_ip(service: Body, spec: Body, others: list[Body], cidr: str, old: Body | None) -> Body:
    kept = str(((old or {}).get("spec") or {}).get("clusterIP") or "")
    chosen = str(spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "") or kept)
    if kept and chosen != kept:
        raise _invalid(service, "spec.clusterIPs[0]", chosen, "may not change once set")
    used = {str(other.get("spec", {}).get("clusterIP", "")) for other in others}
    if not chosen:
        chosen = allocate(used, cidr)
    elif chosen != _HEADLESS and chosen != kept:
        _check_chosen(service, chosen, used, cidr)
    return {
        **spec,
        "clusterIP": chosen,
        "clusterIPs": [chosen],
        "ipFamilies": spec.get("ipFamilies") or ["IPv4"],
        "ipFamilyPolicy": spec.get("ipFamilyPolicy") or "SingleStack",
    }


def _check_chosen(service: Body, chosen: str, used: Collection[str], cidr: str) -> None:
    try:
        inside = ipaddress.IPv4Address(chosen) in ipaddress.IPv4Network(cidr)
    except ValueError:
        raise _invalid(service, "spec.clusterIPs[0]", chosen, "must be an IPv4 address, or None") from None
    if not inside:
        reason = f"failed to allocate IP {chosen}: the provided IP is not in the valid range {cidr}"
        raise _invalid(service, "spec.clusterIPs", chosen, reason)
    if chosen in used:
        reason = f"failed to allocate IP {chosen}: provided IP is already allocated"
        raise _invalid(service, "spec.clusterIPs", chosen, reason)


def _with_node_ports(service: Body, ports: list[Body], others: list[Body], old: Body | None) -> list[Body]:
    used = {port["nodePort"] for other in others for port in _node_ports(other)}
    kept = {(port.get("port"), port.get("protocol", "TCP")): port["nodePort"] for port in _node_ports(old or {})}
    for index, port in enumerate(ports):
        wanted = port.get("nodePort")
        if wanted and wanted in used:
            raise _invalid(service, f"spec.ports[{index}].nodePort", wanted, "provided port is already allocated")
    used |= {port["nodePort"] for port in ports if port.get("nodePort")} | set(kept.values())
    free = (number for number in range(FIRST_NODE_PORT, LAST_NODE_PORT + 1) if number not in used)
    return [port if port.get("nodePort") else {**port, "nodePort": _node_port(port, kept, free)} for port in ports]


def _node_port(port: Body, kept: dict[tuple[object, object], int], free: Iterator[int]) -> int:
    before = kept.get((port.get("port"), port.get("protocol", "TCP")))
    number = before or next(free, None)
    if number is None:
        raise ApiError(500, "InternalError", f"no free node port is left in {FIRST_NODE_PORT}-{LAST_NODE_PORT}")
    return number


def _node_ports(service: Body) -> list[Body]:
    return [port for port in (service.get("spec") or {}).get("ports") or [] if port.get("nodePort")]


def _invalid(service: Body, field: str, value: object, reason: str) -> ApiError:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    detail = f"Invalid value: {shown}: {reason}"
    name = name_of(service)
    return ApiError(
        422,
        "Invalid",
        f'Service "{name}" is invalid: {field}: {detail}',
        {
            "name": name,
            "kind": "Service",
            "causes": [{"reason": "FieldValueInvalid", "message": detail, "field": field}],
        },
    )
