"""Which virtual hosts a sidecar's route configurations have. Sources: core/httproute.go, `istio.md` X7-X9, V24-V28."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator

import msgspec

from tejer.envoy.proto import VirtualHost, any_bytes
from tejer.istiod.model.hosts import is_ip
from tejer.istiod.model.service import Port
from tejer.istiod.model.view import ProxyView, ServiceView
from tejer.istiod.model.virtualservice import VirtualService, reads_labels
from tejer.istiod.translate import names, outbound, routes
from tejer.istiod.translate.catalog import catalog
from tejer.istiod.translate.destinations import Destinations, hosts_of, view_of
from tejer.istiod.translate.http_routes import RouteScope, default_route, service_routes
from tejer.istiod.translate.rendered import Memo
from tejer.kube.resource import Key

UNREGISTERED_PORT = 80
"""A VirtualService for a host that no service has takes effect on this port only (V28)."""

Fail = Callable[[str, tuple[Key, ...], Exception], None]


class RouteTable(msgspec.Struct, frozen=True):
    """One RDS resource to be: the serialized virtual hosts and the objects they came from."""

    name: str
    hosts: tuple[bytes, ...]
    sources: tuple[Key, ...]

    def serialize(self) -> bytes:
        return routes.join(self.name, self.hosts)


def sidecar_routes(view: ProxyView, memo: Memo, fail: Fail, share: Hashable) -> Iterator[RouteTable]:
    """The tables that the sidecar's listeners ask for: `<port>`, and `<host>:<port>` for a sniffed port on a VIP."""
    builder = _Builder(view, memo, fail, share)
    shared: dict[int, list[tuple[ServiceView, Port]]] = {}
    for found in view.services:
        for port in found.service.ports:
            if port.is_http or port.sniffed:
                shared.setdefault(port.number, []).append((found, port))
    declared = {port.number for members in shared.values() for _, port in members if port.is_http}
    for number in sorted(shared):
        if number in declared or any(_on_wildcard(found) for found, _ in shared[number]):
            yield builder.port_table(number, shared[number])
    for number in sorted(shared):
        for found, port in shared[number]:
            if port.sniffed and not _on_wildcard(found):
                yield builder.host_table(found, port)


def _on_wildcard(found: ServiceView) -> bool:
    service = found.service
    return service.headless or not any("/" not in address for address in service.addresses)


class _Builder:
    def __init__(self, view: ProxyView, memo: Memo, fail: Fail, share: Hashable) -> None:
        self.view, self.memo, self.fail, self.share = view, memo, fail, share
        self.catalog = catalog(view, memo)
        self.mode = outbound.outbound_mode(view)
        self.labels = any(map(reads_labels, view.virtual_services))

    def port_table(self, port: int, members: Iterable[tuple[ServiceView, Port]]) -> RouteTable:
        claimed: set[str] = set()
        hosts: list[bytes] = []
        sources: dict[Key, None] = {}

        def add(name: str, domains: tuple[str, ...], config: VirtualService | None, found: ServiceView | None) -> None:
            free = domains
            if not claimed.isdisjoint(domains):
                free = tuple(domain for domain in domains if domain not in claimed)
            made = self._host(str(port), name, free, port, config, found) if free else None
            if made is None:
                return
            claimed.update(free)
            hosts.append(made)
            sources.update(dict.fromkeys(_sources(config, found)))

        def add_service(found: ServiceView, config: VirtualService | None) -> None:
            add(names.virtual_host(found.service.hostname, port), self._domains(found), config, found)

        plain: list[ServiceView] = []
        for found, _ in members:
            config = self.catalog.virtual_service(found.service.hostname)
            if config is None:
                plain.append(found)
            else:
                add_service(found, config)
        if port == UNREGISTERED_PORT:
            for config in self.view.virtual_services:
                for host in config.spec.hosts:
                    if host not in self.catalog.by_host and config.spec.http and host != "*":
                        add(names.virtual_host(host, port), _literal(host), config, None)
        for found in plain:
            add_service(found, None)
        hosts.append(any_bytes(routes.catch_all(self.mode)))
        return RouteTable(str(port), tuple(hosts), tuple(sources))

    def host_table(self, found: ServiceView, port: Port) -> RouteTable:
        """All traffic to a VIP is for its service, whatever its Host."""
        service = found.service
        name = f"{service.hostname}:{port.number}"
        config = self.catalog.virtual_service(service.hostname)
        made = self._host(name, names.virtual_host(service.hostname, port.number), ("*",), port.number, config, found)
        return RouteTable(name, (made,) if made else (), _sources(config, found))

    def _domains(self, found: ServiceView) -> tuple[str, ...]:
        service, view = found.service, self.view
        made = self.memo.get(
            ("domains", service.hostname, self.share),
            (service, view.mesh.domain),
            lambda: tuple(routes.domains(service, view.namespace, view.mesh.domain)),
            lambda error: self.fail(service.hostname, (service.source,), error),
        )
        return made or ()

    def _host(
        self,
        table: str,
        name: str,
        domains: tuple[str, ...],
        port: int,
        config: VirtualService | None,
        found: ServiceView | None,
    ) -> bytes | None:
        """The serialized virtual host; where a VirtualService gives no route, the service's own default."""
        if config is not None and not config.spec.http:
            config = None
        by_host = self.catalog.by_host
        others = tuple(by_host[host] for host in sorted(hosts_of(config)) if host in by_host) if config else ()
        inputs = (found, others, config, domains, self.view.mesh, self.view.labels if self.labels else None)
        sources = _sources(config, found)
        made = self.memo.get(
            ("vhost", table, name, config is None, self.share),
            inputs,
            lambda: self._build(name, domains, port, config, found, others),
            lambda error: self.fail(name, sources, error),
        )
        if made is None and config is not None and found is not None:
            return self._host(table, name, domains, port, None, found)
        return made

    def _build(
        self,
        name: str,
        domains: tuple[str, ...],
        port: int,
        config: VirtualService | None,
        found: ServiceView | None,
        others: tuple[ServiceView, ...],
    ) -> bytes | None:
        known = {other.service.hostname: view_of(other) for other in (*others, *((found,) if found else ()))}
        scope = RouteScope(
            namespace=self.view.namespace,
            labels=self.view.labels if self.labels else {},
            mesh=self.view.mesh,
            destinations=Destinations(known),
            port=port,
        )
        made = service_routes(scope, config) if config else []
        if not made and found is not None:
            made = [default_route(scope, found.service.hostname, port)]
        if not made:
            return None
        return any_bytes(VirtualHost(name=name, domains=domains, routes=made, include_request_attempt_count=True))


def _literal(host: str) -> tuple[str, ...]:
    return (f"[{host}]" if is_ip(host) and ":" in host else host,)


def _sources(config: VirtualService | None, found: ServiceView | None) -> tuple[Key, ...]:
    keys: list[Key] = []
    if found is not None:
        keys.append(found.service.source)
        keys += found.rule.sources if found.rule else ()
    if config is not None:
        keys.append(config.key)
    return tuple(keys)
