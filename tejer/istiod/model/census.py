"""`census`: how many services, hosts and endpoints the model holds, and which of them can't be reached.

What Istio's push context counts as `pilot_services`, `pilot_no_ip` and so on. Read in the thread that owns the mesh.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tejer.istiod.model.endpoints import EndpointSet
from tejer.istiod.model.mesh import MeshState
from tejer.istiod.model.service import DNS, DNS_ROUND_ROBIN, EDS, Service
from tejer.kube.resource import Body


class Census(NamedTuple):
    """Clusters are counted by service and port."""

    services: int
    virtual_services: int
    pods_without_address: int
    endpoints_not_ready: int
    clusters_without_instances: int
    dns_clusters_without_endpoints: int


def census(mesh: MeshState) -> Census:
    not_ready = no_instances = dns_empty = 0
    for service, found in _with_endpoints(mesh):
        for port in service.ports:
            endpoints = found.of(port.number)
            not_ready += sum(not endpoint.ready for endpoint in endpoints)
            no_instances += service.resolution == EDS and not endpoints
            dns_empty += service.resolution in (DNS, DNS_ROUND_ROBIN) and not endpoints
    registry = mesh.registry
    return Census(
        services=len(registry.plain_services.items) + len(registry.entry_services.items),
        virtual_services=len(mesh.views.scopes.route_objects.items),
        pods_without_address=sum(_without_address(pod.body) for pod in registry.pods.items.values()),
        endpoints_not_ready=not_ready,
        clusters_without_instances=no_instances,
        dns_clusters_without_endpoints=dns_empty,
    )


def _with_endpoints(mesh: MeshState) -> Iterator[tuple[Service, EndpointSet]]:
    registry = mesh.registry
    for service in registry.plain_services:
        if (found := registry.endpoints.get(service.key)) is not None:
            yield service, found
    for service in registry.entry_services:
        if (found := registry.entry_endpoints.get(service.key)) is not None:
            yield service, found


def _without_address(pod: Body) -> bool:
    """A pod on its way up is one too, as long as it takes."""
    status = pod.get("status") or {}
    return not status.get("podIP") and status.get("phase") not in ("Succeeded", "Failed")
