"""Network and HTTP filters that listeners are made of, in Istio's order (`istio.md` 4.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tejer.envoy.proto import (
    AccessLog,
    Any,
    BoolValue,
    Cors,
    DataSource,
    DnsCacheConfig,
    DynamicForwardProxyFilter,
    FilterStateValue,
    HttpConnectionManager,
    HTTPFault,
    HttpFilter,
    HttpInspector,
    HttpSetFilterState,
    Int32Range,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
    NetworkFilter,
    OriginalDst,
    ProxyProtocol,
    Rds,
    RequestIDExtension,
    RouteConfiguration,
    Router,
    SubstitutionFormatString,
    TcpProxy,
    TlsInspector,
    UuidRequestIdConfig,
    boolean,
    pack,
    seconds,
    true,
    u32,
)
from tejer.istiod.translate.tls import ads_source

ALPN_FILTER = "envoy.filters.http.set_filter_state"
FAULT_FILTER = "envoy.filters.http.fault"
CORS_FILTER = "envoy.filters.http.cors"
HCM_NAME = "envoy.filters.network.http_connection_manager"
TCP_PROXY_NAME = "envoy.filters.network.tcp_proxy"

_ALPN_BY_PROTOCOL = "%CEL(request.protocol == 'HTTP/2' ? 'istio-h2,istio,h2' : 'istio-http/1.1,istio,http/1.1')%"


def fault_filter() -> HttpFilter:
    return _for_routes(FAULT_FILTER, pack(HTTPFault()))


def cors_filter() -> HttpFilter:
    return _for_routes(CORS_FILTER, pack(Cors()))


def router_filter() -> HttpFilter:
    return HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router()))


def alpn_filter() -> HttpFilter:
    """For routes to clusters that speak the caller's protocol; see `alpn_override`."""
    return _for_routes(ALPN_FILTER, pack(HttpSetFilterState()))


def _for_routes(name: str, config: Any) -> HttpFilter:
    """A filter that only routes with a configuration for it switch on: others do not pay for it (6 µs for three)."""
    return HttpFilter(name=name, typed_config=config, disabled=True)


def alpn_override() -> HttpSetFilterState:
    """Istio's `istio.alpn` in stock Envoy: tell the other side which HTTP version comes inside mesh TLS."""
    return HttpSetFilterState(
        on_request_headers=[
            FilterStateValue(
                object_key="envoy.network.application_protocols",
                shared_with_upstream="ONCE",
                format_string=SubstitutionFormatString(text_format_source=DataSource(inline_string=_ALPN_BY_PROTOCOL)),
            )
        ]
    )


def dynamic_dns_filter() -> HttpFilter:
    """Resolves a request's Host for routes to the cluster that connects by name."""
    config = DynamicForwardProxyFilter(dns_cache_config=dns_cache())
    return HttpFilter(name="envoy.filters.http.dynamic_forward_proxy", typed_config=pack(config))


def dns_cache() -> DnsCacheConfig:
    """Filter and cluster must name the same cache."""
    return DnsCacheConfig(name="dynamic_dns", dns_lookup_family=_V4_ONLY)


_V4_ONLY = 2  # envoy.config.cluster.v3.Cluster.DnsLookupFamily


def outbound_http_filters(*, dynamic_dns: bool) -> list[HttpFilter]:
    resolving = [dynamic_dns_filter()] if dynamic_dns else []
    return [alpn_filter(), fault_filter(), cors_filter(), *resolving, router_filter()]


def http_manager(
    stat_prefix: str,
    http_filters: Sequence[HttpFilter],
    access_log: Iterable[AccessLog],
    *,
    route_name: str = "",
    routes: RouteConfiguration | None = None,
    inbound: bool = False,
    gateway: bool = False,
    normalization: str = "DEFAULT",
) -> HttpConnectionManager:
    """With `route_name` the routes come by RDS, else `routes` are in place."""
    manager = HttpConnectionManager(
        stat_prefix=stat_prefix,
        codec_type="AUTO",
        http_filters=http_filters,
        access_log=access_log,
        stream_idle_timeout=seconds(0),
        upgrade_configs=[HttpConnectionManager.UpgradeConfig(upgrade_type="websocket")],
        use_remote_address=boolean(gateway),
        request_id_extension=RequestIDExtension(
            typed_config=pack(UuidRequestIdConfig(use_request_id_for_trace_sampling=true()))
        ),
    )
    if route_name:
        manager.rds.CopyFrom(Rds(route_config_name=route_name, config_source=ads_source()))
        manager.rds.config_source.initial_fetch_timeout.CopyFrom(seconds(0))
    elif routes is not None:
        manager.route_config.CopyFrom(routes)
    _normalize_path(manager, normalization)
    if inbound or gateway:
        manager.server_name = "istio-envoy"
        manager.forward_client_cert_details = (
            HttpConnectionManager.SANITIZE_SET if gateway else HttpConnectionManager.APPEND_FORWARD
        )
        manager.set_current_client_cert_details.CopyFrom(
            HttpConnectionManager.SetCurrentClientCertDetails(subject=true(), uri=True, dns=True)
        )
    return manager


def _normalize_path(manager: HttpConnectionManager, normalization: str) -> None:
    manager.normalize_path.CopyFrom(BoolValue(value=normalization != "NONE"))
    if normalization in ("MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"):
        manager.merge_slashes = True
    if normalization == "DECODE_AND_MERGE_SLASHES":
        manager.path_with_escaped_slashes_action = HttpConnectionManager.UNESCAPE_AND_FORWARD


def as_filter(manager: HttpConnectionManager) -> NetworkFilter:
    return NetworkFilter(name=HCM_NAME, typed_config=pack(manager))


def tcp_proxy(
    stat_prefix: str,
    clusters: Sequence[tuple[str, int]],
    access_log: Iterable[AccessLog],
    *,
    idle_timeout: float | None = None,
    max_duration: float | None = None,
    wait_for_handshake: bool = False,
) -> NetworkFilter:
    """A TCP proxy to one cluster, or to several by weight. `wait_for_handshake`: log only when the peer is known."""
    proxy = TcpProxy(
        stat_prefix=stat_prefix,
        access_log=access_log,
        access_log_options=TcpProxy.TcpAccessLogOptions(flush_access_log_on_connected=True),
    )
    if len(clusters) == 1:
        proxy.cluster = clusters[0][0]
    else:
        weights = [TcpProxy.WeightedCluster.ClusterWeight(name=name, weight=weight) for name, weight in clusters]
        proxy.weighted_clusters.CopyFrom(TcpProxy.WeightedCluster(clusters=weights))
    if idle_timeout is not None:
        proxy.idle_timeout.CopyFrom(seconds(idle_timeout))
    if max_duration is not None:
        proxy.max_downstream_connection_duration.CopyFrom(seconds(max_duration))
    if wait_for_handshake:
        proxy.upstream_connect_mode = _ON_DOWNSTREAM_TLS_HANDSHAKE
        proxy.max_early_data_bytes.CopyFrom(u32(0))
    return NetworkFilter(name=TCP_PROXY_NAME, typed_config=pack(proxy))


_ON_DOWNSTREAM_TLS_HANDSHAKE = 2  # envoy.extensions.filters.network.tcp_proxy.v3.UpstreamConnectMode


def original_dst() -> ListenerFilter:
    return ListenerFilter(name="envoy.filters.listener.original_dst", typed_config=pack(OriginalDst()))


def tls_inspector(disabled_ports: Iterable[int] = (), *, only: Iterable[int] = ()) -> ListenerFilter:
    """Looks at all ports but `disabled_ports`, or at none but `only`."""
    made = _inspector("envoy.filters.listener.tls_inspector", pack(TlsInspector()), only or disabled_ports)
    if only:
        inverted = ListenerFilterChainMatchPredicate(not_match=made.filter_disabled)
        made.filter_disabled.CopyFrom(inverted)
    return made


def http_inspector(disabled_ports: Iterable[int] = ()) -> ListenerFilter:
    return _inspector("envoy.filters.listener.http_inspector", pack(HttpInspector()), disabled_ports)


def proxy_protocol() -> ListenerFilter:
    return ListenerFilter(name="envoy.filters.listener.proxy_protocol", typed_config=pack(ProxyProtocol()))


def _inspector(name: str, config: Any, disabled_ports: Iterable[int]) -> ListenerFilter:
    made = ListenerFilter(name=name, typed_config=config)
    ranges = [
        ListenerFilterChainMatchPredicate(destination_port_range=Int32Range(start=port, end=port + 1))
        for port in sorted(set(disabled_ports))
    ]
    if len(ranges) == 1:
        made.filter_disabled.CopyFrom(ranges[0])
    elif ranges:
        made.filter_disabled.or_match.rules.extend(ranges)
    return made
