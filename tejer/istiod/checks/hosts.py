"""Which hosts exist: Services and ServiceEntries, as a namespace sees them. For analyzers that look up destinations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tejer.istiod.checks.objects import Item
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import ServiceEntry

EXPORT_ANNOTATION = "networking.istio.io/exportTo"


class HostEntry(NamedTuple):
    """A host, its ports, who may see it, and the labels of its pods where a Service selects them."""

    host: str
    namespace: str
    owner: str
    export_to: tuple[str, ...]
    ports: tuple[int, ...]
    selector: dict[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.namespace, self.owner, self.host

    def visible_in(self, namespace: str) -> bool:
        if not self.export_to or "*" in self.export_to:
            return True
        return namespace in self.export_to or ("." in self.export_to and namespace == self.namespace)


def resolve(host: str, namespace: str, domain: str) -> str:
    """A short name in its namespace; anything with a dot as it is."""
    return f"{host}.{namespace or 'default'}.svc.{domain}" if host and "." not in host and host != "*" else host


def host_of_service(item: Item, domain: str) -> Iterator[HostEntry]:
    service: core.Service | None = item.value
    if service is None:
        return
    exported = service.metadata.annotations.get(EXPORT_ANNOTATION, "")
    export_to = tuple(part.strip() for part in exported.split(",") if part.strip())
    yield HostEntry(
        f"{item.name}.{item.namespace or 'default'}.svc.{domain}", item.namespace, item.name, export_to,
        tuple(port.port or 0 for port in service.spec.ports), service.spec.selector,
    )  # fmt: skip


def hosts_of_entry(item: Item, domain: str) -> Iterator[HostEntry]:
    entry: ServiceEntry | None = item.value
    for host in entry.spec.hosts if entry is not None else ():
        ports = tuple(port.number or 0 for port in entry.spec.ports) if entry is not None else ()
        export_to = tuple(entry.spec.export_to) if entry is not None else ()
        yield HostEntry(resolve(host, item.namespace, domain), item.namespace, item.name, export_to, ports, {})


def group_of(entry: HostEntry) -> tuple[str, ...]:
    """Hosts are looked up by name, wildcards all together."""
    return ("*",) if entry.host.startswith("*") else (entry.host,)


def best_wildcard(wildcards: Iterable[HostEntry], host: str, namespace: str) -> HostEntry | None:
    """Of the wildcards that cover a full host name and can be seen in `namespace`, the most specific."""
    covering = [
        entry
        for entry in wildcards
        if entry.visible_in(namespace) and (entry.host == host or host.endswith(entry.host[1:]))
    ]
    return max(covering, key=lambda entry: len(entry.host), default=None)


def bucket(host: str, namespace: str) -> str:
    """The same for all names of one host, whatever the cluster's domain: `web` in shop, `web.shop.svc.cluster.local`.

    Different hosts may share a bucket: compare what is found in it.
    """
    if host.startswith("*"):
        return "*"
    labels = host.split(".")
    return f"{host}.{namespace or 'default'}" if len(labels) == 1 else ".".join(labels[:2])
