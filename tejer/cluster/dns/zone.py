"""The cluster's names: Services, EndpointSlices and pods → records. Pure.

Source: github.com/kubernetes/dns/blob/master/docs/specification.md (A, SRV, PTR, headless, ExternalName, pods).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tejer.cluster.network.services import is_ready, slices_by_service
from tejer.kube.resource import Body, metadata


@dataclass(frozen=True, slots=True)
class Srv:
    port: int
    target: str


@dataclass(slots=True)
class Zone:
    """All names in lower case, without the final dot. `names` are those that exist, whatever their records."""

    domain: str
    addresses: dict[str, list[str]] = field(default_factory=dict)
    services: dict[str, list[Srv]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    pointers: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def holds(self, name: str) -> bool:
        """Whether this zone, not the world outside, answers for the name."""
        return name == self.domain or name.endswith("." + self.domain)

    def exists(self, name: str) -> bool:
        return name in self.names

    def pod_address(self, name: str) -> str:
        """`10-244-0-7.default.pod.cluster.local` → its address; "" for other names."""
        labels = name.removesuffix("." + self.domain).split(".")
        if len(labels) != 3 or labels[2] != "pod":
            return ""
        numbers = labels[0].split("-")
        valid = len(numbers) == 4 and all(number.isdigit() and int(number) < 256 for number in numbers)
        return ".".join(numbers) if valid else ""


def build_zone(domain: str, services: Iterable[Body], slices: Iterable[Body]) -> Zone:
    zone = Zone(domain)
    _exist(zone, domain)
    by_service = slices_by_service(slices)
    for service in services:
        meta, spec = metadata(service), service.get("spec") or {}
        namespace, name = str(meta.get("namespace", "")), str(meta.get("name", ""))
        host = f"{name}.{namespace}.svc.{domain}".lower()
        _exist(zone, host)
        if spec.get("type") == "ExternalName":
            zone.aliases[host] = str(spec.get("externalName", "")).rstrip(".").lower()
        elif spec.get("clusterIP") == "None":
            _headless(zone, host, service, by_service.get((namespace, name), []))
        elif spec.get("clusterIP"):
            _clustered(zone, host, spec)
    return zone


def _clustered(zone: Zone, host: str, spec: Body) -> None:
    zone.addresses[host] = [str(spec["clusterIP"])]
    zone.pointers[str(spec["clusterIP"])] = host
    for port in spec.get("ports") or []:
        if port.get("name"):
            _add_srv(zone, host, port["name"], str(port.get("protocol", "TCP")), Srv(int(port["port"]), host))


def _headless(zone: Zone, host: str, service: Body, slices: Iterable[Body]) -> None:
    unready = bool((service.get("spec") or {}).get("publishNotReadyAddresses"))
    addresses: set[str] = set()
    for each in slices:
        ready = [endpoint for endpoint in each.get("endpoints") or [] if unready or is_ready(endpoint)]
        for endpoint in ready:
            for address in endpoint.get("addresses") or []:
                addresses.add(address)
                label = str(endpoint.get("hostname") or address.replace(".", "-")).lower()
                target = f"{label}.{host}"
                zone.addresses[target] = [address]
                zone.pointers.setdefault(address, target)
                _exist(zone, target)
                for port in each.get("ports") or []:
                    if port.get("name"):
                        _add_srv(
                            zone, host, port["name"], str(port.get("protocol", "TCP")), Srv(int(port["port"]), target)
                        )
    if addresses:
        zone.addresses[host] = sorted(addresses)


def _add_srv(zone: Zone, host: str, port_name: str, protocol: str, record: Srv) -> None:
    name = f"_{port_name}._{protocol.lower()}.{host}".lower()
    zone.services.setdefault(name, []).append(record)
    _exist(zone, name)


def _exist(zone: Zone, name: str) -> None:
    """The name and what lies between it and the zone exist: they answer with no data, not with NXDOMAIN."""
    while name and name not in zone.names:
        zone.names.add(name)
        name = name.partition(".")[2] if name != zone.domain else ""
