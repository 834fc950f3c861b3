"""DestinationRule: how traffic to a host is sent once it is routed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.istio.virtual_service import PortSelector
from tejer.kube.kinds.keywords import DURATION, INT32, NULLABLE, UINT32, UINT32_OR_NULL, UINT64, enum, message, schema
from tejer.kube.kinds.meta import ObjectMeta


class ConnectionKeepalive(Kind, frozen=True, kw_only=True):
    """HTTP/2 PING frames that keep a connection alive."""

    interval: Annotated[str, DURATION] = ""
    timeout: Annotated[str, DURATION] = ""


class HTTPSettings(Kind, frozen=True, kw_only=True):
    """Limits of the HTTP connection pool."""

    h2_upgrade_policy: Annotated[str, enum("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")] = ""
    http1_max_pending_requests: Annotated[int | None, INT32] = None
    http2_keep_alive: ConnectionKeepalive | None = None
    http2_max_requests: Annotated[int | None, INT32] = None
    idle_timeout: Annotated[str, DURATION] = ""
    max_concurrent_streams: Annotated[int | None, INT32] = None
    max_requests_per_connection: Annotated[int | None, INT32] = None
    max_retries: Annotated[int | None, INT32] = None
    use_client_protocol: bool | None = None


class TcpKeepalive(Kind, frozen=True, kw_only=True):
    """SO_KEEPALIVE of the sockets."""

    interval: Annotated[str, DURATION] = ""
    probes: Annotated[int | None, UINT32] = None
    time: Annotated[str, DURATION] = ""


class TCPSettings(Kind, frozen=True, kw_only=True):
    """Limits shared by HTTP and TCP connections."""

    connect_timeout: Annotated[str, DURATION] = ""
    idle_timeout: str = ""
    max_connection_duration: Annotated[str, DURATION] = ""
    max_connections: Annotated[int | None, INT32] = None
    tcp_keepalive: TcpKeepalive | None = None


class ConnectionPoolSettings(Kind, frozen=True, kw_only=True):
    """How many connections and requests may be open to a host at once."""

    http: HTTPSettings | None = None
    tcp: TCPSettings | None = None


class BackendUtilization(Kind, frozen=True, kw_only=True):
    """Weights that follow the load the endpoints report (ORCA)."""

    error_utilization_penalty_percent: Annotated[int | None, UINT32] = None
    metric_names_for_computing_utilization: tuple[str, ...] = ()
    weight_expiration_period: str = ""
    weight_stabilization_period: str = ""
    weight_update_period: str = ""


class Attribute(Kind, frozen=True, kw_only=True):
    """An attribute of a generated cookie."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    name: str = ""
    value: str = ""


class HTTPCookie(Kind, frozen=True, kw_only=True):
    """The cookie whose value is hashed; generated where the client has none and `ttl` is set."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    attributes: tuple[Attribute, ...] = ()
    name: str = ""
    path: str = ""
    ttl: str = ""


class MagLev(Kind, frozen=True, kw_only=True):
    """Maglev hashing."""

    table_size: Annotated[int | None, UINT64] = None


class RingHash(Kind, frozen=True, kw_only=True):
    """Ring hashing."""

    minimum_ring_size: Annotated[int | None, UINT64] = None


class ConsistentHashLB(Kind, frozen=True, kw_only=True):
    """Session affinity: the same key goes to the same endpoint."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        one_of=(
            ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"),
            ("ringHash", "maglev"),
        )
    )

    http_cookie: HTTPCookie | None = None
    http_header_name: str = ""
    http_query_parameter_name: str = ""
    maglev: MagLev | None = None
    minimum_ring_size: Annotated[int | None, UINT64] = None
    ring_hash: RingHash | None = None
    use_source_ip: bool | None = None


class Distribute(Kind, frozen=True, kw_only=True):
    """Share of the traffic from one locality that goes to each other, in percent."""

    from_: str = ""
    to: dict[str, Annotated[int, UINT32]] = msgspec.field(default_factory=dict)


class Failover(Kind, frozen=True, kw_only=True):
    """The region that takes over when `from` is unhealthy."""

    from_: str = ""
    to: str = ""


class LocalityLoadBalancerSetting(Kind, frozen=True, kw_only=True):
    """Preference of near endpoints. Failover needs outlier detection."""

    distribute: tuple[Distribute, ...] = ()
    enabled: Annotated[bool | None, NULLABLE] = None
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()


class WarmupConfiguration(Kind, frozen=True, kw_only=True):
    """Slow start of new endpoints."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("duration",))

    aggression: Annotated[float | None, schema(format="double", minimum=0, nullable=True)] = None
    duration: Annotated[str, DURATION] = ""
    minimum_percent: Annotated[float | None, schema(format="double", maximum=100, minimum=0, nullable=True)] = None


class ZoneAwareLoadBalancerSetting(Kind, frozen=True, kw_only=True):
    """Zone-aware routing; excludes the locality setting."""

    enabled: Annotated[bool | None, NULLABLE] = None
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    min_cluster_size: Annotated[int | None, schema(maximum=4294967295, minimum=1, nullable=True)] = None


class LoadBalancerSettings(Kind, frozen=True, kw_only=True):
    """How an endpoint is chosen."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("simple", "consistentHash", "backendUtilization"),))

    backend_utilization: BackendUtilization | None = None
    consistent_hash: ConsistentHashLB | None = None
    locality_lb_setting: LocalityLoadBalancerSetting | None = None
    simple: Annotated[
        str, enum("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")
    ] = ""
    warmup: WarmupConfiguration | None = None
    warmup_duration_secs: Annotated[str, DURATION] = ""
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = None


class OutlierDetection(Kind, frozen=True, kw_only=True):
    """When a failing endpoint is ejected and for how long. Absent fields take Envoy's defaults."""

    base_ejection_time: Annotated[str, DURATION] = ""
    consecutive5xx_errors: Annotated[int | None, UINT32_OR_NULL] = None
    consecutive_errors: Annotated[int | None, INT32] = None
    consecutive_gateway_errors: Annotated[int | None, UINT32_OR_NULL] = None
    consecutive_local_origin_failures: Annotated[int | None, UINT32_OR_NULL] = None
    interval: Annotated[str, DURATION] = ""
    max_ejection_percent: Annotated[int | None, INT32] = None
    min_health_percent: Annotated[int | None, INT32] = None
    outlier_detection_http_error_codes: tuple[Annotated[int, schema(maximum=599, minimum=100)], ...] = ()
    split_external_local_origin_errors: bool | None = None


class ClientTLSSettings(Kind, frozen=True, kw_only=True):
    """TLS of connections to the host. Setting it switches automatic mutual TLS off."""

    ca_certificates: str = ""
    ca_crl: str = ""
    client_certificate: str = ""
    credential_name: str = ""
    insecure_skip_verify: Annotated[bool | None, NULLABLE] = None
    mode: Annotated[str, enum("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")] = ""
    private_key: str = ""
    sni: str = ""
    subject_alt_names: tuple[str, ...] = ()


class PortTrafficPolicy(Kind, frozen=True, kw_only=True):
    """A policy for one port of the service, instead of the general one."""

    connection_pool: ConnectionPoolSettings | None = None
    load_balancer: LoadBalancerSettings | None = None
    outlier_detection: OutlierDetection | None = None
    port: PortSelector | None = None
    tls: ClientTLSSettings | None = None


class ProxyProtocol(Kind, frozen=True, kw_only=True):
    """PROXY protocol header sent upstream."""

    version: Annotated[str, enum("V1", "V2")] = ""


class RetryBudget(Kind, frozen=True, kw_only=True):
    """Limit of retries as a share of active requests."""

    budget_interval: str = ""
    min_retry_concurrency: Annotated[int | None, UINT32] = None
    percent: Annotated[float | None, schema(format="double", maximum=100, minimum=0, nullable=True)] = None


class TunnelSettings(Kind, frozen=True, kw_only=True):
    """Tunnel TCP through an HTTP proxy by CONNECT or POST."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=(
            "targetHost",
            "targetPort",
        )
    )

    protocol: str = ""
    target_host: str = ""
    target_port: Annotated[int | None, UINT32] = None


class TrafficPolicy(Kind, frozen=True, kw_only=True):
    """Everything about sending traffic to a host or subset."""

    connection_pool: ConnectionPoolSettings | None = None
    load_balancer: LoadBalancerSettings | None = None
    outlier_detection: OutlierDetection | None = None
    port_level_settings: Annotated[tuple[PortTrafficPolicy, ...], schema(max_items=4096)] = ()
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None
    tls: ClientTLSSettings | None = None
    tunnel: TunnelSettings | None = None


class Subset(Kind, frozen=True, kw_only=True):
    """The endpoints of a host that carry these labels, under a name routes can use."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    labels: dict[str, str] = msgspec.field(default_factory=dict)
    name: str = ""
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(Kind, frozen=True, kw_only=True):
    """The host, its policy and its subsets."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("host",))

    export_to: tuple[str, ...] = ()
    host: str = ""
    subsets: tuple[Subset, ...] = ()
    traffic_policy: TrafficPolicy | None = None
    workload_selector: WorkloadSelector | None = None


class DestinationRule(Kind, frozen=True, kw_only=True):
    """How traffic to a host is sent once it is routed."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: DestinationRuleSpec = DestinationRuleSpec()
    status: IstioStatus = IstioStatus()
