"""The first part of the model's graph: objects -> services, workloads, endpoints.

Every collection here is keyed by something stable and holds frozen values, so a change of one pod recomputes the
endpoints of the services that have it, and stops there if nothing they say has changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tejer.flow.graph import Collection, Derived, Graph, Index, Reader, Source
from tejer.istiod.model import authn
from tejer.istiod.model.authn import PeerModes
from tejer.istiod.model.config import Config, selects
from tejer.istiod.model.endpoints import (
    Endpoint,
    EndpointSet,
    Slice,
    build,
    declared_endpoints,
    entry_endpoint,
    read_slice,
    target_port,
    workload_endpoint,
)
from tejer.istiod.model.service import EDS, Alias, Port, Service, entry_services, kube_alias, kube_service
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.model.workload import Locality, Workload, pod_workload
from tejer.kube.kinds.istio_networking import ServiceEntrySpec, WorkloadEntrySpec
from tejer.kube.kinds.istio_security import PeerAuthenticationSpec
from tejer.kube.resource import Body, Key


class Stored(msgspec.Struct, frozen=True):
    """A Kubernetes object as it is: `body` is never changed in place."""

    key: Key
    body: Body


class NodeLocality(msgspec.Struct, frozen=True):
    key: str
    locality: Locality


REGION, ZONE, SUBZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"


class Registry:
    """Sources to write into, and the collections made of them."""

    def __init__(self, graph: Graph) -> None:
        self.mesh: Source[MeshSettings] = Source(graph, "mesh")
        self.kube_services: Source[Stored] = Source(graph, "kube_services")
        self.pods: Source[Stored] = Source(graph, "pods")
        self.nodes: Source[Stored] = Source(graph, "nodes")
        self.slices: Source[Stored] = Source(graph, "endpoint_slices")
        self.entries: Source[Config[ServiceEntrySpec]] = Source(graph, "service_entries")
        self.workload_entries: Source[Config[WorkloadEntrySpec]] = Source(graph, "workload_entries")
        self.peer_authentications: Source[Config[PeerAuthenticationSpec]] = Source(graph, "peer_authentications")

        self.localities = Derived(graph, "localities", self.nodes, _locality)
        self.workloads = Derived(graph, "workloads", self.pods, self._workload, [self.localities])
        self.plain_services = Derived(graph, "services_of_kubernetes", self.kube_services, self._service, [self.mesh])
        self.aliases = Derived(graph, "aliases", self.kube_services, self._alias, [self.mesh])
        self.entry_services = Derived(graph, "services_of_entries", self.entries, _entry_services)
        self.slice_views = Derived(graph, "slices", self.slices, _slice)
        self.slices_by_service = Index(self.slice_views, lambda s: [(s.key.namespace, s.service)])
        self.workloads_by_namespace = Index(self.workloads, lambda w: [w.namespace])
        self.entries_by_namespace = Index(self.workload_entries, lambda e: [e.namespace])
        self.policies_by_namespace = Index(self.peer_authentications, lambda p: [p.namespace])
        reads: list[Collection[Any]] = [
            self.mesh,
            self.workloads,
            self.slice_views,
            self.workload_entries,
            self.peer_authentications,
        ]
        self.endpoints = Derived(graph, "endpoints", self.plain_services, self._endpoints, reads)
        self.entry_endpoints = Derived(graph, "endpoints_of_entries", self.entry_services, self._entry_endpoints, reads)
        self.services_by_namespace = Index(self.plain_services, lambda s: [s.namespace])
        self.endpoints_by_address = Index(self.endpoints, _addresses)
        self.entry_endpoints_by_address = Index(self.entry_endpoints, _addresses)

    def settings(self, reader: Reader) -> MeshSettings:
        return reader.get(self.mesh, "mesh") or MeshSettings()

    def modes(self, reader: Reader, namespace: str, labels: dict[str, str]) -> PeerModes:
        root = self.settings(reader).root_namespace
        mesh_wide = reader.where(self.policies_by_namespace, root)
        own = reader.where(self.policies_by_namespace, namespace)
        return authn.peer_modes(mesh_wide, own, labels, in_root=namespace == root)

    def client_mode(self, reader: Reader, namespace: str) -> str:
        root = self.settings(reader).root_namespace
        mesh_wide = reader.where(self.policies_by_namespace, root)
        return authn.namespace_mode(mesh_wide, reader.where(self.policies_by_namespace, namespace))

    def _workload(self, reader: Reader, stored: Stored) -> Iterable[Workload]:
        workload = pod_workload(stored.key, stored.body)
        if workload is None:
            return ()
        node = reader.get(self.localities, workload.node) if workload.node else None
        if node and workload.locality == Locality():
            workload = msgspec.structs.replace(workload, locality=node.locality)
        return (workload,)

    def _service(self, reader: Reader, stored: Stored) -> Iterable[Service]:
        service = kube_service(stored.key, stored.body, self.settings(reader).domain)
        return (service,) if service else ()

    def _alias(self, reader: Reader, stored: Stored) -> Iterable[Alias]:
        alias = kube_alias(stored.key, stored.body, self.settings(reader).domain)
        return (alias,) if alias else ()

    def _endpoints(self, reader: Reader, service: Service) -> Iterable[EndpointSet]:
        mesh = self.settings(reader)
        found: dict[int, list[Endpoint]] = {port.number: [] for port in service.ports}
        for piece in reader.where(self.slices_by_service, (service.namespace, service.name)):
            for port in service.ports:
                number = piece.ports.get(port.name)
                if number is None:
                    continue
                found[port.number] += self._slice_endpoints(reader, mesh, service.namespace, piece, number)
        for port in service.ports:
            found[port.number] += self._selected(reader, service, port, mesh, pods=False)
        return (build(service, found),)

    def _slice_endpoints(
        self, reader: Reader, mesh: MeshSettings, namespace: str, piece: Slice, number: int
    ) -> Iterable[Endpoint]:
        for endpoint in piece.endpoints:
            key = Key("", "pods", namespace, endpoint.pod)
            workload = reader.get(self.workloads, key) if endpoint.pod else None
            if workload is None or workload.address != endpoint.address:
                yield Endpoint(address=endpoint.address, port=number, ready=endpoint.ready)
                continue
            yield self._pod_endpoint(reader, mesh, workload, number, ready=endpoint.ready)

    def _pod_endpoint(
        self, reader: Reader, mesh: MeshSettings, workload: Workload, number: int, *, ready: bool
    ) -> Endpoint:
        tls = workload.tls
        if tls:
            tls = self.modes(reader, workload.namespace, workload.labels).of(number) != authn.DISABLE
        return workload_endpoint(workload, number, mesh.trust_domain, ready=ready, tls=tls)

    def _selected(
        self, reader: Reader, service: Service, port: Port, mesh: MeshSettings, *, pods: bool
    ) -> Iterable[Endpoint]:
        """The WorkloadEntries, and with `pods` the pods, that the service's selector takes in its namespace."""
        if not service.selector:
            return
        for entry in reader.where(self.entries_by_namespace, service.namespace):
            if selects(service.selector, entry.spec.labels):
                yield entry_endpoint(entry.spec, port, service.namespace, mesh.trust_domain)
        if not pods:
            return
        for workload in reader.where(self.workloads_by_namespace, service.namespace):
            if selects(service.selector, workload.labels) and (number := target_port(port, workload)):
                yield self._pod_endpoint(reader, mesh, workload, number, ready=True)

    def _entry_endpoints(self, reader: Reader, service: Service) -> Iterable[EndpointSet]:
        mesh = self.settings(reader)
        found: dict[int, list[Endpoint]] = declared_endpoints(service, mesh.trust_domain)
        if service.selector and service.resolution == EDS:
            for port in service.ports:
                found.setdefault(port.number, []).extend(self._selected(reader, service, port, mesh, pods=True))
        return (build(service, found),)


def _addresses(endpoints: EndpointSet) -> set[str]:
    return {endpoint.address for found in endpoints.ports.values() for endpoint in found}


def _entry_services(_: Reader, config: Config[ServiceEntrySpec]) -> Iterable[Service]:
    return entry_services(config)


def _slice(_: Reader, stored: Stored) -> Iterable[Slice]:
    piece = read_slice(stored.key, stored.body)
    return (piece,) if piece else ()


def _locality(_: Reader, stored: Stored) -> Iterable[NodeLocality]:
    labels = (stored.body.get("metadata") or {}).get("labels") or {}
    yield NodeLocality(stored.key.name, Locality(labels.get(REGION, ""), labels.get(ZONE, ""), labels.get(SUBZONE, "")))
