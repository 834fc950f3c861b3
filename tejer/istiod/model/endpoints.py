"""`EndpointSet`: who answers for a Service, port by port: EndpointSlices, ServiceEntry endpoints, selectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tejer.envoy.identity import PeerSubject
from tejer.istiod.model.service import DNS, DNS_ROUND_ROBIN, Port, Service
from tejer.istiod.model.workload import (
    TLS_MODE_LABEL,
    Locality,
    Workload,
    canonical_name,
    canonical_revision,
    parse_locality,
    spiffe_id,
)
from tejer.kube.kinds.istio_networking import WorkloadEntrySpec
from tejer.kube.resource import Body, Key


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address and port. `tls` says that it takes mesh TLS; `account` is its SPIFFE id or ""."""

    address: str
    port: int
    ready: bool = True
    tls: bool = False
    labels: dict[str, str] = {}
    subject: PeerSubject = PeerSubject()
    account: str = ""
    locality: Locality = Locality()
    weight: int = 0


class EndpointSet(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints of a Service by service port number, and the SPIFFE ids that may answer for it."""

    key: tuple[str, ...]
    ports: dict[int, tuple[Endpoint, ...]] = {}
    accounts: tuple[str, ...] = ()

    def of(self, port: int) -> tuple[Endpoint, ...]:
        return self.ports.get(port, ())


def join(key: tuple[str, ...], sets: Iterable[EndpointSet]) -> EndpointSet:
    """The endpoints of services that are joined into one."""
    ports: dict[int, tuple[Endpoint, ...]] = {}
    accounts: dict[str, None] = {}
    for found in sets:
        accounts.update(dict.fromkeys(found.accounts))
        for number, endpoints in found.ports.items():
            ports[number] = ports.get(number, ()) + endpoints
    return EndpointSet(key=key, ports=ports, accounts=tuple(sorted(accounts)))


def target_port(port: Port, workload: Workload) -> int:
    """The workload's port number behind a service port; 0 when it names a container port that is not there."""
    if isinstance(port.target, int):
        return port.target
    return int(port.target) if port.target.isdigit() else workload.ports.get(port.target, 0)


def build(service: Service, ports: Mapping[int, Iterable[Endpoint]]) -> EndpointSet:
    # An entry with a network instead of an address stands for that network's gateways, of which there are none here.
    reachable = {number: [endpoint for endpoint in found if endpoint.address] for number, found in ports.items()}
    sets = {number: tuple(sorted(found, key=lambda e: (e.address, e.port))) for number, found in reachable.items()}
    accounts = {e.account for found in sets.values() for e in found if e.account}
    return EndpointSet(key=service.key, ports=sets, accounts=tuple(sorted(accounts | set(service.sans))))


def workload_endpoint(workload: Workload, port: int, trust_domain: str, *, ready: bool, tls: bool) -> Endpoint:
    account = spiffe_id(trust_domain, workload.namespace, workload.account) if workload.account else ""
    return Endpoint(
        address=workload.address,
        port=port,
        ready=ready,
        tls=tls,
        labels=workload.labels,
        subject=workload.subject,
        account=account,
        locality=workload.locality,
        weight=workload.weight,
    )


class SliceEndpoint(msgspec.Struct, frozen=True):
    """One address of an EndpointSlice; `pod` is the pod it belongs to, or ""."""

    address: str
    ready: bool
    pod: str
    zone: str


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """An EndpointSlice of IPv4 or IPv6 addresses: `ports` by service port name."""

    key: Key
    service: str
    ports: dict[str, int]
    endpoints: tuple[SliceEndpoint, ...]


def read_slice(key: Key, body: Body) -> Slice | None:
    """None for a slice of no Service. A serving endpoint that is going away is left out, as Istio does."""
    labels: dict[str, Any] = (body.get("metadata") or {}).get("labels") or {}
    service = labels.get("kubernetes.io/service-name")
    if not service or body.get("addressType", "IPv4") not in ("IPv4", "IPv6"):
        return None
    ports = {str(p.get("name") or ""): int(p["port"]) for p in body.get("ports") or () if p.get("port")}
    endpoints = []
    for endpoint in body.get("endpoints") or ():
        conditions = endpoint.get("conditions") or {}
        if conditions.get("terminating"):
            continue
        target = endpoint.get("targetRef") or {}
        pod = str(target.get("name", "")) if target.get("kind") == "Pod" else ""
        ready = conditions.get("ready") is not False
        for address in endpoint.get("addresses") or ():
            endpoints.append(SliceEndpoint(str(address), ready, pod, str(endpoint.get("zone") or "")))
    return Slice(key=key, service=str(service), ports=ports, endpoints=tuple(endpoints))


def entry_endpoint(entry: WorkloadEntrySpec, port: Port, namespace: str, trust_domain: str) -> Endpoint:
    """A ServiceEntry's or WorkloadEntry's address on one port; its `ports` map (by port name) overrides the target."""
    labels = dict(entry.labels)
    number = entry.ports.get(port.name) or (port.target if isinstance(port.target, int) else port.number)
    name = canonical_name(labels, entry.address)
    return Endpoint(
        address=entry.address,
        port=int(number or port.number),
        tls=labels.get(TLS_MODE_LABEL) == "istio",
        labels=labels,
        subject=PeerSubject(
            workload=name,
            namespace=namespace,
            app=labels.get("app", ""),
            version=labels.get("version", ""),
            canonical_name=name,
            canonical_revision=canonical_revision(labels),
        ),
        account=spiffe_id(trust_domain, namespace, entry.service_account) if entry.service_account else "",
        locality=parse_locality(entry.locality) if entry.locality else Locality(),
        weight=entry.weight or 0,
    )


def declared_endpoints(service: Service, trust_domain: str) -> dict[int, list[Endpoint]]:
    """The endpoints that a ServiceEntry lists; one resolved by DNS that lists none is its own endpoint (S4)."""
    entries = service.endpoints
    if not entries and service.resolution in (DNS, DNS_ROUND_ROBIN) and "*" not in service.hostname:
        entries = (WorkloadEntrySpec(address=service.hostname),)
    return {
        port.number: [entry_endpoint(entry, port, service.namespace, trust_domain) for entry in entries]
        for port in service.ports
    }
