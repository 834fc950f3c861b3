"""Which hosts exist: Services and ServiceEntries, as a namespace sees them. For analyzers that look up destinations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tejer.istiod.checks.world import World
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import ServiceEntry
from tejer.kube.types import SERVICEENTRIES, SERVICES

DOMAIN = "svc.cluster.local"
EXPORT_ANNOTATION = "networking.istio.io/exportTo"


class HostEntry(NamedTuple):
    """A host, its ports, and who may see it. `ports` is None where any port is served."""

    host: str
    namespace: str
    export_to: tuple[str, ...]
    ports: tuple[int, ...]
    selector: dict[str, str]

    def visible_in(self, namespace: str) -> bool:
        if not self.export_to or "*" in self.export_to:
            return True
        return namespace in self.export_to or ("." in self.export_to and namespace == self.namespace)


def resolve(host: str, namespace: str) -> str:
    """A short name in its namespace; anything with a dot as it is."""
    return f"{host}.{namespace or 'default'}.{DOMAIN}" if host and "." not in host and host != "*" else host


def hosts_of(world: World) -> list[HostEntry]:
    """All hosts of the mesh."""
    return [*_services(world), *_entries(world)]


def _services(world: World) -> Iterator[HostEntry]:
    for item in world.typed(SERVICES, core.Service):
        service: core.Service = item.value
        exported = service.metadata.annotations.get(EXPORT_ANNOTATION, "")
        export_to = tuple(part.strip() for part in exported.split(",") if part.strip())
        yield HostEntry(
            f"{item.name}.{item.namespace or 'default'}.{DOMAIN}", item.namespace, export_to,
            tuple(port.port or 0 for port in service.spec.ports), service.spec.selector,
        )  # fmt: skip


def _entries(world: World) -> Iterator[HostEntry]:
    for item in world.typed(SERVICEENTRIES, ServiceEntry):
        entry: ServiceEntry = item.value
        for host in entry.spec.hosts:
            ports = tuple(port.number or 0 for port in entry.spec.ports)
            export_to = tuple(entry.spec.export_to)
            yield HostEntry(resolve(host, item.namespace), item.namespace, export_to, ports, {})


def find_host(hosts: Sequence[HostEntry], host: str, namespace: str) -> HostEntry | None:
    """The entry for a destination named in `namespace`: the exact one, else the most specific wildcard."""
    wanted = resolve(host, namespace)
    best: HostEntry | None = None
    for entry in hosts:
        if not entry.visible_in(namespace):
            continue
        if entry.host == wanted:
            return entry
        covers = entry.host.startswith("*") and wanted.endswith(entry.host[1:])
        if covers and (best is None or len(entry.host) > len(best.host)):
            best = entry
    return best
