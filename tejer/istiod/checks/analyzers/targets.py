"""What VirtualServices name: destinations, gateways, hosts. Shared by their analyzers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tejer.istiod.checks.hosts import bucket
from tejer.istiod.checks.objects import Item
from tejer.kube.kinds.istio_networking import Destination, VirtualService

MESH = "mesh"


class Target(NamedTuple):
    """A destination of a VirtualService, the path of its field, and whether requests are only mirrored to it."""

    destination: Destination
    path: str
    mirror: bool = False


def targets(service: VirtualService) -> Iterator[Target]:
    for index, http in enumerate(service.spec.http):
        base = f"spec.http[{index}]"
        for position, route in enumerate(http.route):
            yield Target(route.destination or Destination(), f"{base}.route[{position}].destination")
        if http.mirror is not None:
            yield Target(http.mirror, f"{base}.mirror", True)
        for position, mirror in enumerate(http.mirrors):
            if mirror.destination is not None:
                yield Target(mirror.destination, f"{base}.mirrors[{position}].destination", True)
    l4_routes = [(f"spec.tcp[{index}]", tcp.route) for index, tcp in enumerate(service.spec.tcp)]
    l4_routes += [(f"spec.tls[{index}]", tls.route) for index, tls in enumerate(service.spec.tls)]
    for base, routes in l4_routes:
        for position, l4 in enumerate(routes):
            yield Target(l4.destination or Destination(), f"{base}.route[{position}].destination")


def on_mesh(service: VirtualService) -> bool:
    """Whether sidecars use it."""
    return not service.spec.gateways or MESH in service.spec.gateways


def host_buckets(item: Item) -> set[str]:
    """Where a VirtualService of the mesh is filed by its hosts; to find those for one host."""
    service: VirtualService | None = item.value
    if service is None or not on_mesh(service):
        return set()
    return {bucket(host, item.namespace) for host in service.spec.hosts}


def gateway_key(name: str, namespace: str) -> tuple[str, str]:
    """(namespace, name) of a gateway as a VirtualService of `namespace` writes it."""
    if "/" in name:
        first, _, rest = name.partition("/")
        return first, rest
    if "." in name:  # the old form: name.namespace.svc.cluster.local
        parts = name.split(".")
        return parts[1], parts[0]
    return namespace, name
