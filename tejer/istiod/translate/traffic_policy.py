"""DestinationRule's trafficPolicy on an Envoy cluster: pools, outlier detection, load balancing, protocol.

Sources: pilot/pkg/networking/core/cluster_traffic_policy.go, `istio.md` D2, D3, D5, D9-D13, D20, X13.
"""

from __future__ import annotations

from tejer.envoy.proto import (
    CircuitBreakers,
    Cluster,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    HttpVersionOptions,
    KeepaliveSettings,
    OutlierDetection,
    Percent,
    TcpKeepalive,
    UpstreamConnectionOptions,
    pack,
    seconds,
    u32,
    u64,
)
from tejer.istiod.model.service import Port
from tejer.istiod.model.settings import MeshSettings
from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import HTTPSettings, TrafficPolicy
from tejer.kube.kinds.istio_networking import OutlierDetection as IstioOutlierDetection

UNLIMITED = 2**32 - 1
DEFAULT_RING_SIZE = 1024
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

HTTP1, HTTP2, DOWNSTREAM = "http1", "http2", "downstream"


def upstream_protocol(port: Port, policy: TrafficPolicy) -> str:
    """How HTTP is spoken to a cluster: what the port declares, the caller's own version where it is sniffed."""
    http = policy.connection_pool.http if policy.connection_pool else None
    if port.is_http2:
        return HTTP2
    if http and http.use_client_protocol:
        return DOWNSTREAM
    if http and http.h2_upgrade_policy == "UPGRADE" and port.is_http:
        return HTTP2
    return DOWNSTREAM if port.sniffed else HTTP1


def apply(cluster: Cluster, policy: TrafficPolicy, port: Port, mesh: MeshSettings) -> None:
    """Set on `cluster` all of `policy` but its TLS."""
    _connection_pool(cluster, policy, mesh)
    _http_options(cluster, policy, port)
    if policy.outlier_detection is not None:
        cluster.outlier_detection.CopyFrom(_outlier_detection(policy.outlier_detection))
    _load_balancer(cluster, policy)


def _connection_pool(cluster: Cluster, policy: TrafficPolicy, mesh: MeshSettings) -> None:
    pool = policy.connection_pool
    tcp, http = (pool.tcp, pool.http) if pool else (None, None)
    timeout = parse_duration(tcp.connect_timeout) if tcp and tcp.connect_timeout else mesh.connect_timeout
    cluster.connect_timeout.CopyFrom(seconds(timeout))
    limits = CircuitBreakers.Thresholds(
        max_connections=u32(tcp.max_connections if tcp and tcp.max_connections else UNLIMITED),
        max_pending_requests=u32(
            http.http1_max_pending_requests if http and http.http1_max_pending_requests else UNLIMITED
        ),
        max_requests=u32(http.http2_max_requests if http and http.http2_max_requests else UNLIMITED),
        max_retries=u32(http.max_retries if http and http.max_retries else UNLIMITED),
    )
    budget = policy.retry_budget
    if budget is not None:
        limits.ClearField("max_retries")
        percent = budget.percent if budget.percent is not None else 20.0
        concurrency = budget.min_retry_concurrency if budget.min_retry_concurrency is not None else 3
        limits.retry_budget.CopyFrom(
            CircuitBreakers.Thresholds.RetryBudget(
                budget_percent=Percent(value=percent),
                min_retry_concurrency=u32(concurrency),
                budget_interval=seconds(parse_duration(budget.budget_interval)) if budget.budget_interval else None,
            )
        )
    cluster.circuit_breakers.CopyFrom(CircuitBreakers(thresholds=[limits]))
    if tcp and (keepalive := tcp.tcp_keepalive):
        cluster.upstream_connection_options.CopyFrom(
            UpstreamConnectionOptions(
                tcp_keepalive=TcpKeepalive(
                    keepalive_probes=u32(keepalive.probes) if keepalive.probes else None,
                    keepalive_time=u32(int(parse_duration(keepalive.time))) if keepalive.time else None,
                    keepalive_interval=u32(int(parse_duration(keepalive.interval))) if keepalive.interval else None,
                )
            )
        )


def _http_options(cluster: Cluster, policy: TrafficPolicy, port: Port) -> None:
    pool = policy.connection_pool
    http = pool.http if pool and pool.http else HTTPSettings()
    common = HttpVersionOptions()
    if http.idle_timeout:
        common.idle_timeout.CopyFrom(seconds(parse_duration(http.idle_timeout)))
    if http.max_requests_per_connection:
        common.max_requests_per_connection.CopyFrom(u32(http.max_requests_per_connection))
    if pool and pool.tcp and pool.tcp.max_connection_duration:
        common.max_connection_duration.CopyFrom(seconds(parse_duration(pool.tcp.max_connection_duration)))
    protocol = upstream_protocol(port, policy)
    has_common = common.ByteSize() > 0
    if protocol == HTTP1 and not has_common:
        return
    options = HttpProtocolOptions()
    if has_common:
        options.common_http_protocol_options.CopyFrom(common)
    http2 = _http2(http)
    if protocol == HTTP2:
        options.explicit_http_config.http2_protocol_options.CopyFrom(http2)
    elif protocol == DOWNSTREAM:
        options.use_downstream_protocol_config.http_protocol_options.CopyFrom(Http1ProtocolOptions())
        options.use_downstream_protocol_config.http2_protocol_options.CopyFrom(http2)
    else:
        options.explicit_http_config.http_protocol_options.CopyFrom(Http1ProtocolOptions())
    cluster.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(pack(options))


def _http2(http: HTTPSettings) -> Http2ProtocolOptions:
    options = Http2ProtocolOptions()
    if http.max_concurrent_streams:
        options.max_concurrent_streams.CopyFrom(u32(http.max_concurrent_streams))
    if keepalive := http.http2_keep_alive:
        options.connection_keepalive.CopyFrom(
            KeepaliveSettings(
                interval=seconds(parse_duration(keepalive.interval)) if keepalive.interval else None,
                timeout=seconds(parse_duration(keepalive.timeout)) if keepalive.timeout else None,
            )
        )
    return options


def _outlier_detection(given: IstioOutlierDetection) -> OutlierDetection:
    """Success-rate ejection is always off; gateway errors are enforced only when asked for (D13)."""
    made = OutlierDetection(
        enforcing_success_rate=u32(0),
        interval=seconds(parse_duration(given.interval)) if given.interval else None,
        base_ejection_time=seconds(parse_duration(given.base_ejection_time)) if given.base_ejection_time else None,
        max_ejection_percent=u32(given.max_ejection_percent) if given.max_ejection_percent else None,
    )
    five = given.consecutive5xx_errors
    if five is None and given.consecutive_errors:
        five = given.consecutive_errors
    if five is not None:
        made.consecutive_5xx.CopyFrom(u32(five))
        made.enforcing_consecutive_5xx.CopyFrom(u32(100 if five > 0 else 0))
    if (gateway := given.consecutive_gateway_errors) is not None:
        made.consecutive_gateway_failure.CopyFrom(u32(gateway))
        made.enforcing_consecutive_gateway_failure.CopyFrom(u32(100 if gateway > 0 else 0))
    if given.split_external_local_origin_errors:
        made.split_external_local_origin_errors = True
        if local := given.consecutive_local_origin_failures:
            made.consecutive_local_origin_failure.CopyFrom(u32(local))
            made.enforcing_consecutive_local_origin_failure.CopyFrom(u32(100))
        made.enforcing_local_origin_success_rate.CopyFrom(u32(0))
    return made


_SIMPLE = {
    "": Cluster.LEAST_REQUEST,
    "UNSPECIFIED": Cluster.LEAST_REQUEST,
    "LEAST_CONN": Cluster.LEAST_REQUEST,
    "LEAST_REQUEST": Cluster.LEAST_REQUEST,
    "ROUND_ROBIN": Cluster.ROUND_ROBIN,
    "RANDOM": Cluster.RANDOM,
    "PASSTHROUGH": Cluster.CLUSTER_PROVIDED,
}


def _load_balancer(cluster: Cluster, policy: TrafficPolicy) -> None:
    outliers = policy.outlier_detection
    healthy = float(outliers.min_health_percent or 0) if outliers else 0.0
    cluster.common_lb_config.healthy_panic_threshold.CopyFrom(Percent(value=healthy))
    if cluster.type == Cluster.ORIGINAL_DST:
        cluster.lb_policy = Cluster.CLUSTER_PROVIDED
        return
    balancer = policy.load_balancer
    if balancer is None:
        cluster.lb_policy = Cluster.LEAST_REQUEST
        return
    cluster.lb_policy = _SIMPLE.get(balancer.simple, Cluster.LEAST_REQUEST)
    if cluster.lb_policy == Cluster.CLUSTER_PROVIDED:
        cluster.type = Cluster.ORIGINAL_DST
        for where_endpoints_are in ("eds_cluster_config", "load_assignment", "cluster_type"):
            cluster.ClearField(where_endpoints_are)
        return
    if balancer.consistent_hash is not None:
        _consistent_hash(cluster, policy)
    _warmup(cluster, policy)


def _consistent_hash(cluster: Cluster, policy: TrafficPolicy) -> None:
    hashing = policy.load_balancer.consistent_hash if policy.load_balancer else None
    if hashing is None:
        return
    if hashing.maglev is not None:
        cluster.lb_policy = Cluster.MAGLEV
        if hashing.maglev.table_size:
            cluster.maglev_lb_config.table_size.CopyFrom(u64(hashing.maglev.table_size))
        return
    cluster.lb_policy = Cluster.RING_HASH
    ring = hashing.ring_hash.minimum_ring_size if hashing.ring_hash else hashing.minimum_ring_size
    cluster.ring_hash_lb_config.minimum_ring_size.CopyFrom(u64(ring or DEFAULT_RING_SIZE))


def _warmup(cluster: Cluster, policy: TrafficPolicy) -> None:
    balancer = policy.load_balancer
    if balancer is None:
        return
    warmup = balancer.warmup
    text = warmup.duration if warmup else balancer.warmup_duration_secs
    if not text:
        return
    slow = Cluster.SlowStartConfig(slow_start_window=seconds(parse_duration(text)))
    percent = warmup.minimum_percent if warmup and warmup.minimum_percent is not None else 10.0
    slow.min_weight_percent.CopyFrom(Percent(value=percent))
    if warmup and warmup.aggression is not None:
        slow.aggression.default_value = warmup.aggression
        slow.aggression.runtime_key = "warmup.aggression"
    if cluster.lb_policy == Cluster.ROUND_ROBIN:
        cluster.round_robin_lb_config.slow_start_config.CopyFrom(slow)
    elif cluster.lb_policy == Cluster.LEAST_REQUEST:
        cluster.least_request_lb_config.slow_start_config.CopyFrom(slow)
