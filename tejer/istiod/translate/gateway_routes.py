"""A gateway's route configurations: its servers' hosts crossed with the VirtualServices bound to them.

Source: core/gateway.go buildGatewayHTTPRouteConfig, `istio.md` G6, G7, G9, V24, V26.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from tejer.envoy.proto import Route, RouteConfiguration, VirtualHost
from tejer.istiod.model.gateway import GatewayServer
from tejer.istiod.model.view import ProxyView
from tejer.istiod.model.virtualservice import VirtualService
from tejer.istiod.translate import names, routes
from tejer.istiod.translate.destinations import Destinations, DestinationView, hosts_of, view_of
from tejer.istiod.translate.gateway_hosts import intersection, server_hosts
from tejer.istiod.translate.http_routes import RouteScope, service_routes
from tejer.istiod.translate.route_match import is_catch_all
from tejer.kube.resource import Key

Report = Callable[[Exception, tuple[Key, ...]], None]


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A VirtualService at a server, and the services it can send to."""

    server: GatewayServer
    config: VirtualService
    destinations: Destinations
    hosts: tuple[str, ...]


class GatewayTable(msgspec.Struct, frozen=True, kw_only=True):
    """One RDS resource to be, with all that it is made of."""

    name: str
    port: int
    servers: tuple[GatewayServer, ...]
    bindings: tuple[Binding, ...]
    scope: RouteScope

    @property
    def sources(self) -> tuple[Key, ...]:
        keys = [server.source for server in self.servers] + [binding.config.key for binding in self.bindings]
        return tuple(dict.fromkeys(keys))


def tables(view: ProxyView) -> Iterator[GatewayTable]:
    """A table per route name, in the order of the names."""
    known = {found.service.hostname: view_of(found) for found in view.services}
    grouped: dict[str, list[GatewayServer]] = {}
    for server in view.gateway.servers:
        if server.route and (server.is_http or server.is_https):
            grouped.setdefault(server.route, []).append(server)
    for name in sorted(grouped):
        servers = tuple(grouped[name])
        port = servers[0].declared_port
        yield GatewayTable(
            name=name,
            port=port,
            servers=servers,
            bindings=tuple(_bindings(servers, view, known)),
            scope=RouteScope(
                namespace=view.namespace,
                labels=view.labels,
                mesh=view.mesh,
                destinations=Destinations(),
                port=port,
                tls=servers[0].is_https,
            ),
        )


def _bindings(
    servers: tuple[GatewayServer, ...], view: ProxyView, known: dict[str, DestinationView]
) -> Iterator[Binding]:
    for server in servers:
        for config in view.gateway.virtual_services:
            if server.gateway not in config.spec.gateways or not config.spec.http:
                continue
            hosts = intersection(server_hosts(server, config.namespace), config.spec.hosts)
            if not hosts:
                continue
            wanted = {host: known[host] for host in sorted(hosts_of(config)) if host in known}
            yield Binding(server=server, config=config, destinations=Destinations(wanted), hosts=hosts)


def build(table: GatewayTable, broken: Report) -> RouteConfiguration:
    """Routes of one host come from all its VirtualServices, catch-alls last; a broken one is left out and reported."""
    hosts: dict[str, VirtualHost] = {}
    for binding in table.bindings:
        scope = msgspec.structs.replace(
            table.scope,
            destinations=binding.destinations,
            gateways=(binding.server.gateway,),
            port=binding.server.declared_port,
        )
        try:
            found = service_routes(scope, binding.config)
        except ValueError as error:
            broken(error, (binding.config.key,))
            continue
        for host in binding.hosts:
            _add(hosts, binding.server.declared_port, host, found, redirect=binding.server.redirects)
    for server in table.servers:
        if server.redirects:
            for _, host in server.hosts:
                _add(hosts, server.declared_port, host, [], redirect=True)
    made = [_sorted(hosts[host]) for host in hosts if hosts[host].routes or hosts[host].require_tls]
    if not made:
        made = [VirtualHost(name=f"blackhole:{table.port}", domains=["*"])]
    return routes.configuration(table.name, made)


def _add(hosts: dict[str, VirtualHost], port: int, host: str, found: list[Route], *, redirect: bool) -> None:
    if host not in hosts:
        hosts[host] = VirtualHost(
            name=names.virtual_host(host, port), domains=[host], include_request_attempt_count=True
        )
    hosts[host].routes.extend(found)
    if redirect:
        hosts[host].require_tls = VirtualHost.ALL


def _sorted(host: VirtualHost) -> VirtualHost:
    ordered = sorted(host.routes, key=lambda route: is_catch_all(route.match))
    del host.routes[:]
    host.routes.extend(ordered)
    return host
