"""`virtualInbound` (15006): what comes in at a sidecar, port by port. Source: core/listener_inbound.go, `istio.md` 4.4.

For each port the mutual TLS mode and the protocol decide which filter chains there are; a connection that no chain
takes is refused. Chains without a port take the ports that no service declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tejer.envoy.proto import (
    FilterChain,
    FilterChainMatch,
    Listener,
    ListenerFilter,
    NetworkFilter,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    RouteRetryPolicy,
    VirtualHost,
    seconds,
    u32,
)
from tejer.istiod.model.authn import DISABLE, STRICT
from tejer.istiod.model.service import GRPC, GRPC_WEB, SNIFF, TCP, Port, Service
from tejer.istiod.model.view import InboundPort, ProxyView
from tejer.istiod.translate import filters, gateway_tls, names, routes, telemetry, tls, tracing
from tejer.istiod.translate.authorization import Guards
from tejer.istiod.translate.endpoints import socket_address
from tejer.istiod.translate.metadata import cluster_metadata

PLAIN_HTTP_ALPNS = ("http/1.1", "h2c")
RAW, TLS = "raw_buffer", "tls"


class Chain(msgspec.Struct, frozen=True):
    """One filter chain to be: the transport and ALPNs it takes, whether it ends mesh TLS, whether it speaks HTTP."""

    transport: str
    alpns: tuple[str, ...]
    mtls: bool
    http: bool


def chains_for(protocol: str, mode: str) -> tuple[Chain, ...]:
    """The table of `istio.md` B4-B8. `protocol` is "" (sniffed), "HTTP" or "TCP"."""
    if mode == DISABLE:
        if protocol == SNIFF:
            return (Chain(RAW, PLAIN_HTTP_ALPNS, False, True), Chain(RAW, (), False, False))
        return (Chain(RAW, (), False, protocol != TCP),)
    if mode == STRICT:
        if protocol == SNIFF:
            return (Chain(TLS, tls.MTLS_HTTP_ALPNS, True, True), Chain(TLS, (), True, False))
        return (Chain(TLS, (), True, protocol != TCP),)
    if protocol == SNIFF:
        return (
            Chain(TLS, tls.MTLS_HTTP_ALPNS, True, True),
            Chain(RAW, PLAIN_HTTP_ALPNS, False, True),
            Chain(TLS, tls.MTLS_TCP_ALPNS, True, False),
            Chain(RAW, (), False, False),
            Chain(TLS, (), False, False),
        )
    if protocol == TCP:
        return (
            Chain(TLS, tls.ALL_ISTIO_ALPNS, True, False),
            Chain(TLS, (), False, False),
            Chain(RAW, (), False, False),
        )
    return (Chain(TLS, tls.ALL_ISTIO_ALPNS, True, True), Chain(RAW, (), False, True))


def chain_protocol(port: Port) -> str:
    if port.sniffed:
        return SNIFF
    return "HTTP" if port.is_http else TCP


def virtual_inbound(view: ProxyView, guards: Guards) -> Listener:
    builder = _Builder(view, guards)
    return Listener(
        name=names.VIRTUAL_INBOUND,
        address=socket_address(names.WILDCARD, names.INBOUND_PORT),
        traffic_direction="INBOUND",
        listener_filters=builder.listener_filters(),
        listener_filters_timeout=seconds(view.mesh.protocol_detection_timeout),
        continue_on_listener_filters_timeout=True,
        filter_chains=builder.chains(),
    )


class _Builder:
    def __init__(self, view: ProxyView, guards: Guards) -> None:
        self.view, self.guards = view, guards
        self.modes = view.inbound.modes
        declared = {found.target for found in view.inbound.ports}
        self.undeclared = [port for port in sorted(self.modes.ports) if port not in declared]

    def chains(self) -> Iterator[FilterChain]:
        yield FilterChain(
            name="virtualInbound-blackhole",
            filter_chain_match=FilterChainMatch(destination_port=u32(names.INBOUND_PORT)),
            filters=[filters.tcp_proxy(names.BLACK_HOLE, [(names.BLACK_HOLE, 1)], ())],
        )
        yield from self._group(None, 0, SNIFF, self.modes.default)
        for port in self.undeclared:
            yield from self._group(None, port, SNIFF, self.modes.of(port))
        for found in self.view.inbound.ports:
            yield from self._group(found, found.target, chain_protocol(found.port), self.modes.of(found.target))

    def _group(self, found: InboundPort | None, port: int, protocol: str, mode: str) -> Iterator[FilterChain]:
        if found is not None and found.tls is not None and mode == DISABLE:
            yield self._own_tls(found)
            return
        for chain in chains_for(protocol, mode):
            match = FilterChainMatch(transport_protocol=chain.transport, application_protocols=chain.alpns)
            if port:
                match.destination_port.CopyFrom(u32(port))
            made = FilterChain(name=self._chain_name(found, chain), filter_chain_match=match)
            if found is not None:
                service = found.service
                about = cluster_metadata(service.hostname, service.name, service.namespace)
                if about is not None:
                    made.metadata.CopyFrom(about)
            made.filters.extend(self._filters(found, chain))
            if chain.mtls:
                alpn = tls.SERVER_ALPN_HTTP if chain.http else tls.SERVER_ALPN_TCP
                made.transport_socket.CopyFrom(tls.mesh_server(alpn, self.view.mesh))
            yield made

    def _own_tls(self, found: InboundPort) -> FilterChain:
        """The application's own TLS, ended here as a Sidecar's ingress listener asks."""
        chain = Chain(TLS, (), False, found.port.is_http)
        return FilterChain(
            name=self._chain_name(found, chain),
            filter_chain_match=FilterChainMatch(transport_protocol=TLS, destination_port=u32(found.target)),
            filters=self._filters(found, chain),
            transport_socket=gateway_tls.ingress_socket(found),
        )

    def _chain_name(self, found: InboundPort | None, chain: Chain) -> str:
        if found is not None:
            address = self.view.own_address if self.view.sidecar and self.view.sidecar.spec.ingress else ""
            return names.listener(address or names.WILDCARD, found.target)
        return "virtualInbound-catchall-http" if chain.http else names.VIRTUAL_INBOUND

    def _filters(self, found: InboundPort | None, chain: Chain) -> Sequence[NetworkFilter]:
        cluster = names.inbound_cluster(found.target) if found else names.INBOUND_PASSTHROUGH
        service = _service_labels(found)
        labels = telemetry.destination_labels(self.view.subject, service, mtls=chain.mtls)
        logs = telemetry.access_logs(self.view.telemetry.server, self.view)
        peer = [telemetry.peer_filter()] if chain.mtls else []
        if chain.http:
            manager = filters.http_manager(
                _stat_prefix(found),
                [*self.guards.http, filters.fault_filter(), filters.cors_filter(), filters.router_filter()],
                [*logs, telemetry.http_metrics(labels)],
                routes=_inline_routes(cluster, found),
                inbound=True,
                normalization=self.view.mesh.path_normalization,
            )
            tracing.trace(manager, self.view.telemetry.server_tracing, self.view)
            return [*peer, filters.as_filter(manager)]
        proxy = filters.tcp_proxy(
            cluster, [(cluster, 1)], [*logs, *telemetry.tcp_metrics(labels)], wait_for_handshake=chain.mtls
        )
        return [*peer, *self.guards.network, proxy]

    def listener_filters(self) -> list[ListenerFilter]:
        """The inspectors are off where no chain of a port needs them, so such ports never wait for a first byte."""
        no_http: list[int] = [names.INBOUND_PORT]
        modes: dict[int, bool] = {}
        ports: Iterable[tuple[int, str]] = [
            *((found.target, chain_protocol(found.port)) for found in self.view.inbound.ports),
            *((port, SNIFF) for port in self.undeclared),
        ]
        for port, protocol in ports:
            if protocol != SNIFF:
                no_http.append(port)
            modes[port] = self.modes.of(port) != DISABLE or self._ends_tls(port)
        found = [filters.original_dst()]
        if self.modes.default != DISABLE:
            found.append(filters.tls_inspector(port for port, needed in modes.items() if not needed))
        elif any(modes.values()):
            found.append(filters.tls_inspector(only=[port for port, needed in modes.items() if needed]))
        return [*found, filters.http_inspector(no_http)]

    def _ends_tls(self, port: int) -> bool:
        """Whether a Sidecar's ingress listener has the proxy end TLS of the application's own on `port`."""
        return any(found.target == port and found.tls for found in self.view.inbound.ports)


def _stat_prefix(found: InboundPort | None) -> str:
    if found is None:
        return names.INBOUND_PASSTHROUGH
    return f"inbound_{names.listener(names.WILDCARD, found.target)};"


def _service_labels(found: InboundPort | None) -> dict[str, str]:
    if found is None:
        return telemetry.service_labels("", names.INBOUND_PASSTHROUGH, "")
    service: Service = found.service
    return telemetry.service_labels(service.hostname, service.name, service.namespace)


def _inline_routes(cluster: str, found: InboundPort | None) -> RouteConfiguration:
    port = found.port.number if found else 0
    operation = routes.decorator(found.service.hostname, port) if found else routes.decorator(":0", 0)
    action = RouteAction(cluster=cluster, timeout=seconds(0), max_stream_duration=routes.grpc_limit(0))
    action.max_stream_duration.max_stream_duration.CopyFrom(seconds(0))
    if found is not None and found.port.protocol not in (GRPC, GRPC_WEB):
        action.retry_policy.CopyFrom(RouteRetryPolicy(retry_on="reset-before-request", num_retries=u32(2)))
    route = Route(name="default", match=RouteMatch(prefix="/"), route=action, decorator=operation)
    host = VirtualHost(name=f"inbound|http|{port}", domains=["*"], routes=[route])
    return routes.configuration(cluster, [host])
