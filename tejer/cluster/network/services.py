"""Services and EndpointSlices → which address and port leads to which endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tejer.kube.resource import Body, metadata

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_PROTOCOLS = {"TCP": 6, "UDP": 17}


@dataclass(frozen=True, slots=True, order=True)
class VirtualPort:
    """One port of one Service's address. `protocol` is IP's number; `endpoints` are (address, port), sorted.

    `sticky`: a client's address decides on the endpoint (sessionAffinity ClientIP), else chance.
    """

    address: str
    protocol: int
    port: int
    endpoints: tuple[tuple[str, int], ...]
    sticky: bool = False


def virtual_ports(
    services: Iterable[Body], slices: Iterable[Body], *, reserved: frozenset[str] = frozenset()
) -> tuple[VirtualPort, ...]:
    """Every TCP and UDP port of every Service with a ClusterIP, sorted. `reserved` addresses are answered otherwise."""
    by_service = slices_by_service(slices)
    found: list[VirtualPort] = []
    for service in services:
        spec = service.get("spec") or {}
        address = str(spec.get("clusterIP") or "")
        if address in {"", "None"} or address in reserved or spec.get("type") == "ExternalName" or ":" in address:
            continue
        meta = metadata(service)
        sticky = spec.get("sessionAffinity") == "ClientIP"
        own = by_service.get((str(meta.get("namespace", "")), str(meta.get("name", ""))), [])
        addresses = [address, *(str(extra) for extra in spec.get("externalIPs") or [])]
        for port in spec.get("ports") or []:
            protocol = _PROTOCOLS.get(str(port.get("protocol", "TCP")))
            if protocol is None:
                continue
            endpoints = endpoints_of_port(own, str(port.get("name", "")))
            found += [VirtualPort(each, protocol, int(port["port"]), endpoints, sticky) for each in addresses]
    return tuple(sorted(set(found)))


def slices_by_service(slices: Iterable[Body]) -> dict[tuple[str, str], list[Body]]:
    """(namespace, service name) → its IPv4 slices."""
    grouped: dict[tuple[str, str], list[Body]] = {}
    for each in slices:
        meta = metadata(each)
        name = (meta.get("labels") or {}).get(SERVICE_NAME_LABEL)
        if name and each.get("addressType", "IPv4") == "IPv4":
            grouped.setdefault((str(meta.get("namespace", "")), str(name)), []).append(each)
    return grouped


def endpoints_of_port(slices: Iterable[Body], port_name: str) -> tuple[tuple[str, int], ...]:
    """Where the Service port `port_name` leads: ready endpoints, else those that still serve while they end."""
    ready: set[tuple[str, int]] = set()
    ending: set[tuple[str, int]] = set()
    for each in slices:
        numbers = [
            int(p["port"]) for p in each.get("ports") or [] if (p.get("name") or "") == port_name and p.get("port")
        ]
        for endpoint in each.get("endpoints") or []:
            target = ready if is_ready(endpoint) else ending if _serves_while_ending(endpoint) else None
            if target is not None:
                target.update(
                    (str(address), number) for address in endpoint.get("addresses") or [] for number in numbers
                )
    return tuple(sorted(ready or ending))


def is_ready(endpoint: Mapping[str, Any]) -> bool:
    """Ready unless it says otherwise, as the API defines it."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _serves_while_ending(endpoint: Mapping[str, Any]) -> bool:
    conditions = endpoint.get("conditions") or {}
    return bool(conditions.get("terminating") and conditions.get("serving"))
