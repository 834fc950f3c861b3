"""TCP and TLS routing of outbound connections: which cluster a connection to a service goes to.

Source: pilot/pkg/networking/core/tls.go, `istio.md` V22, V23, O3, X5.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import msgspec

from tejer.envoy.proto import CidrRange, FilterChainMatch, u32
from tejer.istiod.model.destination import subset_policy
from tejer.istiod.model.service import Port
from tejer.istiod.model.view import ProxyView, ServiceView
from tejer.istiod.model.virtualservice import MESH, VirtualService, source_matches
from tejer.istiod.translate import names
from tejer.istiod.translate.catalog import Catalog
from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import RouteDestination
from tejer.kube.resource import Key


class L4Match(msgspec.Struct, frozen=True):
    """What a filter chain takes: SNI names, and destination networks as `address/length`."""

    server_names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    @property
    def is_default(self) -> bool:
        return not self.server_names and not self.networks

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        """Each (SNI name, network) it takes, "" for any. Envoy refuses listeners in which two chains claim one."""
        names, networks = self.server_names or ("",), self.networks or ("",)
        return frozenset((name, network) for name in names for network in networks)

    def to_envoy(self) -> FilterChainMatch:
        """Each name and network once: Envoy takes a chain that says one twice for two that overlap."""
        return FilterChainMatch(
            server_names=dict.fromkeys(self.server_names),
            transport_protocol="tls" if self.server_names else None,
            prefix_ranges=[cidr(network) for network in dict.fromkeys(self.networks)],
        )


class L4Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One filter chain to be: `clusters` with their weights. `sources` are the objects that made it."""

    name: str
    stat_prefix: str
    clusters: tuple[tuple[str, int], ...]
    match: L4Match = L4Match()
    idle_timeout: float | None = None
    sources: tuple[Key, ...] = ()


def cidr(text: str) -> CidrRange:
    network = ipaddress.ip_network(text, strict=False)
    return CidrRange(address_prefix=str(network.network_address), prefix_len=u32(network.prefixlen))


def normal_network(text: str) -> str:
    """`10.1.2.3/16` and `10.1.0.0/16` are one network."""
    return str(ipaddress.ip_network(text, strict=False))


def destination_cluster(catalog: Catalog, to: RouteDestination, port: int) -> str:
    if to.destination is None:
        raise ValueError("a route has no destination")
    number = catalog.port(to.destination, port)
    return names.outbound_cluster(number, to.destination.subset, to.destination.host)


def weighted(catalog: Catalog, route: Iterable[RouteDestination], port: int) -> tuple[tuple[str, int], ...]:
    """Clusters by weight; of several destinations those of weight 0 are left out."""
    destinations = list(route)
    if len(destinations) == 1:
        return ((destination_cluster(catalog, destinations[0], port), 1),)
    return tuple((destination_cluster(catalog, to, port), to.weight) for to in destinations if to.weight)


def service_chains(
    view: ProxyView, catalog: Catalog, found: ServiceView, port: Port, *, wildcard: bool
) -> list[L4Chain]:
    """The chains for a service's TCP, TLS or sniffed port: those of its VirtualService, then its own.

    `wildcard`: the listener is shared by all addresses, so networks and server names must tell services apart.
    """
    service = found.service
    networks = tuple(normal_network(a) for a in service.addresses if "/" in a) if wildcard else ()
    config = catalog.virtual_service(service.hostname)
    chains: list[L4Chain] = []
    if config is not None and port.is_tls:
        chains += _tls_chains(view, catalog, config, port.number, networks)
    if config is not None:
        chains += _tcp_chains(view, catalog, config, port.number, networks)
    if not any(chain.match == L4Match(networks=networks) for chain in chains):
        cluster = names.outbound_cluster(port.number, "", service.hostname)
        sni = (service.hostname,) if port.is_tls and wildcard and not networks else ()
        if not (port.is_tls and chains):
            chains.append(
                L4Chain(
                    name=cluster,
                    stat_prefix=cluster,
                    clusters=((cluster, 1),),
                    match=L4Match(sni, networks),
                    idle_timeout=_idle_timeout(found, port.number),
                    sources=(service.source,),
                )
            )
    return chains


def _idle_timeout(found: ServiceView, port: int) -> float | None:
    pool = subset_policy(found.rule, "", port).connection_pool
    tcp = pool.tcp if pool else None
    return parse_duration(tcp.idle_timeout) if tcp and tcp.idle_timeout else None


def _tls_chains(
    view: ProxyView, catalog: Catalog, config: VirtualService, port: int, networks: tuple[str, ...]
) -> Iterable[L4Chain]:
    for route in config.spec.tls:
        for match in route.match:
            if match.port and match.port != port:
                continue
            if not source_matches(match, MESH, view.namespace, view.labels):
                continue
            where = tuple(normal_network(n) for n in match.destination_subnets) or networks
            clusters = weighted(catalog, route.route, port)
            if clusters:
                yield _chain(config, clusters, L4Match(match.sni_hosts, where))


def _tcp_chains(
    view: ProxyView, catalog: Catalog, config: VirtualService, port: int, networks: tuple[str, ...]
) -> Iterable[L4Chain]:
    for route in config.spec.tcp:
        clusters = weighted(catalog, route.route, port)
        if not clusters:
            continue
        if not route.match:
            yield _chain(config, clusters, L4Match(networks=networks))
            return
        for match in route.match:
            if match.port and match.port != port:
                continue
            if not source_matches(match, MESH, view.namespace, view.labels):
                continue
            where = tuple(normal_network(n) for n in match.destination_subnets) or networks
            yield _chain(config, clusters, L4Match(networks=where))
            if where == networks:
                return


def _chain(config: VirtualService, clusters: tuple[tuple[str, int], ...], match: L4Match) -> L4Chain:
    prefix = clusters[0][0] if len(clusters) == 1 else f"{config.name}.{config.namespace}"
    return L4Chain(name=prefix, stat_prefix=prefix, clusters=clusters, match=match, sources=(config.key,))
