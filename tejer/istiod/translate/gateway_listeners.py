"""A gateway's listeners: one per port, a filter chain per TLS server. Source: core/gateway.go, `istio.md` 1.4.

A server whose chain cannot be made (no such Secret, nothing routed to it) is left out; the others of its port stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tejer.envoy.proto import FilterChain, FilterChainMatch, Listener, NetworkFilter
from tejer.istiod.model.gateway import GatewayServer
from tejer.istiod.model.service import TLS_PROTOCOLS
from tejer.istiod.model.view import ProxyView
from tejer.istiod.model.virtualservice import VirtualService
from tejer.istiod.translate import filters, gateway_tls, names, telemetry, tracing
from tejer.istiod.translate.authorization import Guards
from tejer.istiod.translate.catalog import Catalog
from tejer.istiod.translate.endpoints import socket_address
from tejer.istiod.translate.gateway_hosts import intersection, server_hosts
from tejer.istiod.translate.l4_routes import L4Match, normal_network, weighted
from tejer.kube.kinds.istio_networking import RouteDestination
from tejer.kube.resource import Key


class GatewayListener(msgspec.Struct, frozen=True, kw_only=True):
    """The servers that share one address and port, oldest first."""

    address: str
    port: int
    servers: tuple[GatewayServer, ...]

    @property
    def name(self) -> str:
        return names.listener(self.address, self.port)

    @property
    def sources(self) -> tuple[Key, ...]:
        return tuple(dict.fromkeys(server.source for server in self.servers))


def plan(view: ProxyView) -> list[GatewayListener]:
    grouped: dict[tuple[str, int], list[GatewayServer]] = {}
    for server in view.gateway.servers:
        grouped.setdefault((server.bind or names.WILDCARD, server.port), []).append(server)
    return [GatewayListener(address=a, port=p, servers=tuple(grouped[a, p])) for a, p in sorted(grouped)]


def build(planned: GatewayListener, view: ProxyView, catalog: Catalog, guards: Guards) -> Listener | None:
    """None when no server of the port has anything to do."""
    chains = list(_chains(planned, view, catalog, guards))
    if not chains:
        return None
    listener = Listener(
        name=planned.name,
        address=socket_address(planned.address, planned.port),
        traffic_direction="OUTBOUND",
        filter_chains=chains,
    )
    if any(chain.filter_chain_match.server_names or chain.HasField("transport_socket") for chain in chains):
        listener.listener_filters.append(filters.tls_inspector())
    return listener


def _chains(planned: GatewayListener, view: ProxyView, catalog: Catalog, guards: Guards) -> Iterator[FilterChain]:
    plain = [server for server in planned.servers if server.is_http]
    if plain:
        manager = _http(plain[0].route, plain[0], planned, view, guards)
        yield FilterChain(name=planned.name, filters=[manager])
    for server in planned.servers:
        if server.is_http:
            continue
        if server.protocol in TLS_PROTOCOLS:
            yield from _tls_chains(server, planned, view, catalog, guards)
        else:
            for found in _tcp_routes(server, view, catalog):
                made = FilterChain(name=planned.name, filters=_tcp(found, view, guards))
                if not found.match.is_default:
                    made.filter_chain_match.CopyFrom(found.match.to_envoy())
                yield made


def _tls_chains(
    server: GatewayServer, planned: GatewayListener, view: ProxyView, catalog: Catalog, guards: Guards
) -> Iterator[FilterChain]:
    if not server.terminates_tls:
        for found in _passthrough_routes(server, view, catalog):
            yield FilterChain(
                name=planned.name, filter_chain_match=found.match.to_envoy(), filters=_tcp(found, view, guards)
            )
        return
    socket = gateway_tls.server_socket(server, view)
    if socket is None:
        return
    match = FilterChainMatch(server_names=gateway_tls.server_names(server))
    if server.is_https:
        manager = _http(server.route, server, planned, view, guards)
        yield FilterChain(
            name=planned.name,
            filter_chain_match=match,
            filters=[manager],
            transport_socket=socket,
            transport_socket_connect_timeout=gateway_tls.HANDSHAKE_LIMIT,
        )
        return
    for found in list(_tcp_routes(server, view, catalog))[:1]:
        yield FilterChain(
            name=planned.name,
            filter_chain_match=match,
            filters=_tcp(found, view, guards),
            transport_socket=socket,
            transport_socket_connect_timeout=gateway_tls.HANDSHAKE_LIMIT,
        )


def _http(
    route: str, server: GatewayServer, planned: GatewayListener, view: ProxyView, guards: Guards
) -> NetworkFilter:
    labels = telemetry.source_labels(view.subject, by_host=False)
    manager = filters.http_manager(
        server.server.name or f"outbound_{planned.name};",
        [
            *guards.http,
            filters.alpn_filter(),
            filters.fault_filter(),
            filters.cors_filter(),
            filters.router_filter(),
        ],
        [*telemetry.access_logs(view.telemetry.client, view), telemetry.http_metrics(labels)],
        route_name=route,
        gateway=True,
        normalization=view.mesh.path_normalization,
    )
    tracing.trace(manager, view.telemetry.client_tracing, view, gateway=True)
    return filters.as_filter(manager)


class L4Route(msgspec.Struct, frozen=True):
    """Where connections of one match go."""

    config: VirtualService
    match: L4Match
    clusters: tuple[tuple[str, int], ...]


def _bound(server: GatewayServer, view: ProxyView) -> Iterator[VirtualService]:
    """VirtualServices that name the server's Gateway and whose hosts it takes."""
    for config in view.gateway.virtual_services:
        hosts = intersection(server_hosts(server, config.namespace), config.spec.hosts)
        if server.gateway in config.spec.gateways and hosts:
            yield config


def _clusters(
    catalog: Catalog, server: GatewayServer, route: Iterable[RouteDestination]
) -> tuple[tuple[str, int], ...]:
    return weighted(catalog, route, server.declared_port)


def _tcp_routes(server: GatewayServer, view: ProxyView, catalog: Catalog) -> Iterator[L4Route]:
    for config in _bound(server, view):
        for route in config.spec.tcp:
            clusters = _clusters(catalog, server, route.route)
            if not clusters:
                continue
            if not route.match:
                yield L4Route(config, L4Match(), clusters)
                return
            for match in route.match:
                port_fits = not match.port or match.port == server.declared_port
                if port_fits and (not match.gateways or server.gateway in match.gateways):
                    networks = tuple(normal_network(n) for n in match.destination_subnets)
                    yield L4Route(config, L4Match(networks=networks), clusters)
                    if not networks:
                        return


def _passthrough_routes(server: GatewayServer, view: ProxyView, catalog: Catalog) -> Iterator[L4Route]:
    taken: set[tuple[str, ...]] = set()
    for config in _bound(server, view):
        for route in config.spec.tls:
            for match in route.match:
                port_fits = not match.port or match.port == server.declared_port
                if not port_fits or (match.gateways and server.gateway not in match.gateways):
                    continue
                wanted = intersection(server_hosts(server, config.namespace), match.sni_hosts)
                clusters = _clusters(catalog, server, route.route)
                if wanted and clusters and wanted not in taken:
                    taken.add(wanted)
                    names_of = tuple(name for name in wanted if name != "*")
                    networks = tuple(normal_network(n) for n in match.destination_subnets)
                    yield L4Route(config, L4Match(names_of, networks), clusters)


def _tcp(found: L4Route, view: ProxyView, guards: Guards) -> list[NetworkFilter]:
    labels = telemetry.source_labels(view.subject, by_host=False)
    logs = [*telemetry.access_logs(view.telemetry.client, view), *telemetry.tcp_metrics(labels)]
    config = found.config
    prefix = found.clusters[0][0] if len(found.clusters) == 1 else f"{config.name}.{config.namespace}"
    return [*guards.network, filters.tcp_proxy(prefix, found.clusters, logs)]
