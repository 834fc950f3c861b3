"""Outbound listeners: `virtualOutbound` (15001) and those it hands connections to. `istio.md` 4.3, X2-X6.

HTTP ports share one listener per port, `0.0.0.0_<port>`, where the Host decides. TCP ports have one per address,
`<VIP>_<port>`; sniffed ports too, with an HTTP chain beside the TCP one. Services are taken oldest first: what an older
one has claimed a younger one does not get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from tejer.envoy.proto import (
    FilterChain,
    FilterChainMatch,
    Listener,
    NetworkFilter,
    RouteConfiguration,
    boolean,
    seconds,
    true,
    u32,
)
from tejer.istiod.model.service import Port
from tejer.istiod.model.settings import DYNAMIC_DNS, REGISTRY_ONLY
from tejer.istiod.model.view import ProxyView, ServiceView
from tejer.istiod.translate import filters, names, routes, telemetry, tracing
from tejer.istiod.translate.catalog import Catalog
from tejer.istiod.translate.endpoints import socket_address
from tejer.istiod.translate.l4_routes import L4Chain, service_chains
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Key

PLAIN_HTTP_ALPNS = ("http/1.1", "h2c")


class ListenerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A listener to be. `route` is the RDS name of its HTTP chain, "" for none."""

    address: str
    port: int
    route: str = ""
    chains: tuple[L4Chain, ...] = ()
    sources: tuple[Key, ...] = ()

    @property
    def name(self) -> str:
        return names.listener(self.address, self.port)


class Plans(msgspec.Struct, frozen=True):
    plans: tuple[ListenerPlan, ...]
    problems: tuple[Problem, ...]


class _Draft:
    """A plan while it is put together."""

    def __init__(self) -> None:
        self.route = ""
        self.chains: list[L4Chain] = []
        self.claims: set[tuple[str, str]] = set()
        self.sources: dict[Key, None] = {}


def outbound_mode(view: ProxyView) -> str:
    """What becomes of traffic to what the mesh does not know: the Sidecar's policy, else the mesh's."""
    policy = view.sidecar.spec.outbound_traffic_policy if view.sidecar else None
    return policy.mode if policy and policy.mode else view.mesh.outbound_mode


def fallback_cluster(view: ProxyView) -> str:
    return names.BLACK_HOLE if outbound_mode(view) == REGISTRY_ONLY else names.PASSTHROUGH


class Planner:
    """Plans the listeners of a view. `broken` is told of services whose connections cannot be routed."""

    def __init__(self, view: ProxyView, catalog: Catalog, broken: Callable[[Exception, tuple[Key, ...]], None]) -> None:
        self.view, self.catalog, self.broken = view, catalog, broken
        self.drafts: dict[tuple[str, int], _Draft] = {}
        self.problems: list[Problem] = []

    def run(self) -> Plans:
        for found in self.view.services:
            for port in found.service.ports:
                try:
                    self._add(found, port)
                except ValueError as error:
                    self.broken(error, (found.service.source,))
        plans = tuple(
            ListenerPlan(
                address=address,
                port=port,
                route=draft.route,
                chains=tuple(draft.chains),
                sources=tuple(draft.sources),
            )
            for (address, port), draft in sorted(self.drafts.items(), key=lambda item: item[0])
        )
        return Plans(plans, tuple(self.problems))

    def _add(self, found: ServiceView, port: Port) -> None:
        service = found.service
        if port.protocol == "UDP":
            return
        if port.is_http:
            self._http(names.WILDCARD, port.number, str(port.number), service.source)
            return
        route = f"{service.hostname}:{port.number}" if port.sniffed else ""
        for address in self._addresses(found, port):
            if route and address == names.WILDCARD:
                self._http(address, port.number, str(port.number), service.source)
            elif route:
                self._http(address, port.number, route, service.source)
            self._tcp(address, found, port)

    def _addresses(self, found: ServiceView, port: Port) -> Iterable[str]:
        service = found.service
        single = [address for address in service.addresses if "/" not in address]
        if single and not service.headless:
            return single
        if service.headless and not port.sniffed:
            own = self.view.own_address
            return dict.fromkeys(e.address for e in found.endpoints.of(port.number) if e.address != own)
        return (names.WILDCARD,)

    def _draft(self, address: str, port: int) -> _Draft:
        key = (address, port)
        if key not in self.drafts:
            self.drafts[key] = _Draft()
        return self.drafts[key]

    def _http(self, address: str, port: int, route: str, source: Key) -> None:
        draft = self._draft(address, port)
        draft.route = draft.route or route
        draft.sources[source] = None

    def _tcp(self, address: str, found: ServiceView, port: Port) -> None:
        draft = self._draft(address, port.number)
        draft.sources[found.service.source] = None
        wildcard = address == names.WILDCARD
        for chain in service_chains(self.view, self.catalog, found, port, wildcard=wildcard):
            if chain.match.claims & draft.claims:
                self._conflict(found, port, address)
            else:
                draft.claims |= chain.match.claims
                draft.chains.append(chain)

    def _conflict(self, found: ServiceView, port: Port, address: str) -> None:
        self.problems.append(
            Problem(
                severity=Severity.WARNING,
                key=found.service.source,
                message=f"port {port.number} of {found.service.hostname} is already claimed on listener "
                f"{names.listener(address, port.number)} by an older service",
                hint="give the service an address of its own, or another port",
            )
        )


def build(plan: ListenerPlan, view: ProxyView) -> Listener:
    """A per-port listener, which only `virtualOutbound` hands connections to."""
    listener = Listener(
        name=plan.name,
        address=socket_address(plan.address, plan.port),
        traffic_direction="OUTBOUND",
        bind_to_port=boolean(False),
    )
    sni = any(chain.match.server_names for chain in plan.chains)
    if plan.route or sni:
        listener.listener_filters.append(filters.tls_inspector())
        listener.continue_on_listener_filters_timeout = True
        listener.listener_filters_timeout.CopyFrom(seconds(view.mesh.protocol_detection_timeout))
    if plan.route:
        listener.listener_filters.append(filters.http_inspector())
        listener.filter_chains.append(
            FilterChain(
                name=plan.name,
                filter_chain_match=_plain_http(),
                filters=[_http_filter(plan.name, view, route_name=plan.route)],
            )
        )
    default: L4Chain | None = None
    for chain in plan.chains:
        if chain.match.is_default:
            default = chain
            continue
        listener.filter_chains.append(
            FilterChain(name=chain.name, filter_chain_match=chain.match.to_envoy(), filters=[_tcp_filter(chain, view)])
        )
    if default is not None and not plan.route and not sni:
        listener.filter_chains.append(FilterChain(name=default.name, filters=[_tcp_filter(default, view)]))
    elif default is not None:
        listener.default_filter_chain.CopyFrom(FilterChain(name=default.name, filters=[_tcp_filter(default, view)]))
    elif plan.address == names.WILDCARD or plan.route:
        listener.default_filter_chain.CopyFrom(_fallback_chain(view))
    return listener


def virtual_outbound(view: ProxyView) -> Listener:
    """15001: connections that no per-port listener takes go on to where they were going, or nowhere."""
    black_hole = FilterChain(
        name="virtualOutbound-blackhole",
        filter_chain_match=FilterChainMatch(destination_port=u32(names.OUTBOUND_PORT)),
        filters=[filters.tcp_proxy(names.BLACK_HOLE, [(names.BLACK_HOLE, 1)], ())],
    )
    catch_all = FilterChain(name="virtualOutbound-catchall-tcp", filters=[_fallback_filter(view)])
    listener = Listener(
        name=names.VIRTUAL_OUTBOUND,
        address=socket_address(names.WILDCARD, names.OUTBOUND_PORT),
        use_original_dst=true(),
        traffic_direction="OUTBOUND",
        listener_filters=[filters.original_dst()],
        filter_chains=[black_hole],
    )
    if outbound_mode(view) == DYNAMIC_DNS:
        listener.listener_filters.extend([filters.tls_inspector(), filters.http_inspector()])
        listener.continue_on_listener_filters_timeout = True
        listener.listener_filters_timeout.CopyFrom(seconds(view.mesh.protocol_detection_timeout))
        by_name = routes.configuration(names.ALLOW_ANY_DYNAMIC_DNS, [routes.catch_all(DYNAMIC_DNS)])
        manager = _http_filter(names.VIRTUAL_OUTBOUND, view, inline=by_name)
        listener.filter_chains.append(
            FilterChain(name="virtualOutbound-catchall-http", filter_chain_match=_plain_http(), filters=[manager])
        )
        # Envoy does not go back from a chain whose transport fits to one that asks for less: this must be the default.
        listener.default_filter_chain.CopyFrom(catch_all)
    else:
        listener.filter_chains.append(catch_all)
    return listener


def _plain_http() -> FilterChainMatch:
    return FilterChainMatch(transport_protocol="raw_buffer", application_protocols=PLAIN_HTTP_ALPNS)


def _fallback_chain(view: ProxyView) -> FilterChain:
    return FilterChain(name=names.PASSTHROUGH_CHAIN, filters=[_fallback_filter(view)])


def _fallback_filter(view: ProxyView) -> NetworkFilter:
    cluster = fallback_cluster(view)
    return _tcp_filter(L4Chain(name=cluster, stat_prefix=cluster, clusters=((cluster, 1),)), view)


def _tcp_filter(chain: L4Chain, view: ProxyView) -> NetworkFilter:
    labels = telemetry.source_labels(view.subject, by_host=False)
    logs = [*telemetry.access_logs(view.telemetry.client, view), *telemetry.tcp_metrics(labels)]
    return filters.tcp_proxy(
        chain.stat_prefix,
        chain.clusters,
        logs,
        idle_timeout=chain.idle_timeout,
    )


def _http_filter(
    listener: str, view: ProxyView, *, route_name: str = "", inline: RouteConfiguration | None = None
) -> NetworkFilter:
    labels = telemetry.source_labels(view.subject, by_host=True)
    logs = [*telemetry.access_logs(view.telemetry.client, view), telemetry.http_metrics(labels)]
    manager = filters.http_manager(
        f"outbound_{listener};",
        filters.outbound_http_filters(dynamic_dns=outbound_mode(view) == DYNAMIC_DNS),
        logs,
        route_name=route_name,
        routes=inline,
        normalization=view.mesh.path_normalization,
    )
    tracing.trace(manager, view.telemetry.client_tracing, view)
    return filters.as_filter(manager)
