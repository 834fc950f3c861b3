"""Proxy settings of the mesh configuration (`defaultConfig` and the annotation `proxy.istio.io/config`)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.destination_rule import ClientTLSSettings, TcpKeepalive
from tejer.kube.kinds.istio.proxy_config import ProxyImage
from tejer.kube.kinds.istio.workload_group import ReadinessProbe
from tejer.kube.kinds.keywords import enum


class Zipkin(Kind, frozen=True, kw_only=True):
    """Spans to Zipkin."""

    address: str = ""


class Lightstep(Kind, frozen=True, kw_only=True):
    """Deprecated."""

    address: str = ""
    access_token: str = ""


class Datadog(Kind, frozen=True, kw_only=True):
    """Spans to Datadog."""

    address: str = ""


class Stackdriver(Kind, frozen=True, kw_only=True):
    """Deprecated."""

    debug: bool | None = None
    max_number_of_attributes: int | None = None
    max_number_of_annotations: int | None = None
    max_number_of_message_events: int | None = None


class OpenCensusAgent(Kind, frozen=True, kw_only=True):
    """Deprecated."""

    address: str = ""
    context: tuple[
        Annotated[str, enum("UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3")], ...
    ] = ()


class TracingLiteral(Kind, frozen=True, kw_only=True):
    """A tag with a fixed value."""

    value: str = ""


class TracingEnvironment(Kind, frozen=True, kw_only=True):
    """A tag whose value is an environment variable of the proxy."""

    name: str = ""
    default_value: str = ""


class TracingRequestHeader(Kind, frozen=True, kw_only=True):
    """A tag whose value is a request header."""

    name: str = ""
    default_value: str = ""


class TracingCustomTag(Kind, frozen=True, kw_only=True):
    """A tag added to spans."""

    literal: TracingLiteral | None = None
    environment: TracingEnvironment | None = None
    header: TracingRequestHeader | None = None


class ProxyTracing(Kind, frozen=True, kw_only=True):
    """Tracing set up in the proxy's bootstrap."""

    zipkin: Zipkin | None = None
    lightstep: Lightstep | None = None
    datadog: Datadog | None = None
    stackdriver: Stackdriver | None = None
    open_census_agent: OpenCensusAgent | None = None
    custom_tags: dict[str, TracingCustomTag] = msgspec.field(default_factory=dict)
    max_path_tag_length: int | None = None
    sampling: float | None = None
    tls_settings: ClientTLSSettings | None = None
    enable_istio_tags: bool | None = None


class SDS(Kind, frozen=True, kw_only=True):
    """Deprecated."""

    enabled: bool | None = None
    k8s_sa_jwt_path: str = ""


class RemoteService(Kind, frozen=True, kw_only=True):
    """A service the proxy reports to."""

    address: str = ""
    tls_settings: ClientTLSSettings | None = None
    tcp_keepalive: TcpKeepalive | None = None


class ProxyProtocolConfiguration(Kind, frozen=True, kw_only=True):
    """Accept the PROXY protocol; has no settings."""


class Topology(Kind, frozen=True, kw_only=True):
    """What stands before a gateway."""

    num_trusted_proxies: int | None = None
    forward_client_cert_details: Annotated[
        str, enum("UNDEFINED", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
    ] = ""
    proxy_protocol: ProxyProtocolConfiguration | None = None


class ProxyStatsMatcher(Kind, frozen=True, kw_only=True):
    """Further Envoy statistics to keep."""

    inclusion_prefixes: tuple[str, ...] = ()
    inclusion_suffixes: tuple[str, ...] = ()
    inclusion_regexps: tuple[str, ...] = ()


class CryptoMb(Kind, frozen=True, kw_only=True):
    """CryptoMB acceleration."""

    poll_delay: str = ""
    fallback: bool | None = None


class QAT(Kind, frozen=True, kw_only=True):
    """QAT acceleration."""

    poll_delay: str = ""
    fallback: bool | None = None


class PrivateKeyProvider(Kind, frozen=True, kw_only=True):
    """Acceleration of TLS handshakes."""

    cryptomb: CryptoMb | None = None
    qat: QAT | None = None


class SetCurrentClientCertDetails(Kind, frozen=True, kw_only=True):
    """Parts of the client's certificate put into X-Forwarded-Client-Cert."""

    subject: bool | None = None
    cert: bool | None = None
    chain: bool | None = None
    dns: bool | None = None
    uri: bool | None = None


class RequestId(Kind, frozen=True, kw_only=True):
    """X-Request-Id."""

    disabled: bool | None = None


class Server(Kind, frozen=True, kw_only=True):
    """The `server` header."""

    disabled: bool | None = None
    value: str = ""


class AttemptCount(Kind, frozen=True, kw_only=True):
    """X-Envoy-Attempt-Count."""

    disabled: bool | None = None


class EnvoyDebugHeaders(Kind, frozen=True, kw_only=True):
    """X-Envoy-* headers for debugging."""

    disabled: bool | None = None


class MetadataExchangeHeaders(Kind, frozen=True, kw_only=True):
    """Headers of the metadata exchange."""

    mode: Annotated[str, enum("UNDEFINED", "IN_MESH")] = ""


class XForwardedHost(Kind, frozen=True, kw_only=True):
    """X-Forwarded-Host."""

    enabled: bool | None = None


class XForwardedPort(Kind, frozen=True, kw_only=True):
    """X-Forwarded-Port."""

    enabled: bool | None = None


class ProxyHeaders(Kind, frozen=True, kw_only=True):
    """Headers the proxy adds."""

    forwarded_client_cert: Annotated[
        str, enum("UNDEFINED", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
    ] = ""
    set_current_client_cert_details: SetCurrentClientCertDetails | None = None
    request_id: RequestId | None = None
    server: Server | None = None
    attempt_count: AttemptCount | None = None
    envoy_debug_headers: EnvoyDebugHeaders | None = None
    metadata_exchange_headers: MetadataExchangeHeaders | None = None
    preserve_http1_header_case: bool | None = None
    x_forwarded_host: XForwardedHost | None = None
    x_forwarded_port: XForwardedPort | None = None


class ConnectionSettings(Kind, frozen=True, kw_only=True):
    """Buffers, timeouts and limits; EDGE is the profile for gateways."""

    profile: Annotated[str, enum("SIDECAR", "EDGE")] = ""
    listener_per_connection_buffer_limit_bytes: int | None = None
    cluster_per_connection_buffer_limit_bytes: int | None = None
    http_idle_timeout: str = ""
    http_max_connection_duration: str = ""
    http_drain_timeout: str = ""
    http_request_timeout: str = ""
    http_request_headers_timeout: str = ""
    http_stream_idle_timeout: str = ""
    http_max_stream_duration: str = ""
    http_max_concurrent_streams: int | None = None
    http2_initial_stream_window_size: int | None = None
    http2_initial_connection_window_size: int | None = None
    http_headers_with_underscores_action: Annotated[
        str,
        enum(
            "HEADERS_WITH_UNDERSCORES_UNSPECIFIED",
            "HEADERS_WITH_UNDERSCORES_ALLOW",
            "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST",
            "HEADERS_WITH_UNDERSCORES_DROP_HEADER",
        ),
    ] = ""
    http_merge_slashes: bool | None = None
    http_path_with_escaped_slashes_action: Annotated[
        str,
        enum(
            "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED",
            "KEEP_UNCHANGED",
            "REJECT_REQUEST",
            "UNESCAPE_AND_REDIRECT",
            "UNESCAPE_AND_FORWARD",
        ),
    ] = ""
    listener_connection_limit: int | None = None
    global_downstream_connection_limit: int | None = None


class ProxyConfig(Kind, frozen=True, kw_only=True):
    """Settings of a proxy, for all workloads."""

    config_path: str = "./etc/istio/proxy"
    binary_path: str = "/usr/local/bin/envoy"
    service_cluster: str = "istio-proxy"
    tracing_service_name: Annotated[
        str, enum("APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE")
    ] = ""
    drain_duration: str = "45s"
    discovery_address: str = "istiod.istio-system.svc:15012"
    discovery_refresh_delay: str = ""
    zipkin_address: str = ""
    statsd_udp_address: str = ""
    envoy_metrics_service_address: str = ""
    proxy_admin_port: int = 15000
    availability_zone: str = ""
    control_plane_auth_policy: Annotated[str, enum("NONE", "MUTUAL_TLS", "INHERIT")] = "MUTUAL_TLS"
    custom_config_file: str = ""
    stat_name_length: int = 189
    concurrency: int | None = None
    proxy_bootstrap_template_path: str = ""
    interception_mode: Annotated[str, enum("REDIRECT", "TPROXY", "NONE")] = "REDIRECT"
    tracing: ProxyTracing | None = None
    sds: SDS | None = None
    envoy_access_log_service: RemoteService | None = None
    envoy_metrics_service: RemoteService | None = None
    proxy_metadata: dict[str, str] = msgspec.field(default_factory=dict)
    runtime_values: dict[str, str] = msgspec.field(default_factory=dict)
    status_port: int = 15020
    extra_stat_tags: tuple[str, ...] = ()
    gateway_topology: Topology | None = None
    termination_drain_duration: str = "5s"
    mesh_id: str = ""
    readiness_probe: ReadinessProbe | None = None
    proxy_stats_matcher: ProxyStatsMatcher | None = None
    hold_application_until_proxy_starts: bool | None = None
    ca_certificates_pem: tuple[str, ...] = ()
    image: ProxyImage | None = None
    private_key_provider: PrivateKeyProvider | None = None
    proxy_headers: ProxyHeaders | None = None
    file_flush_interval: str = ""
    file_flush_min_size_kb: int | None = None
    stats_compression: bool | None = None
    connection_settings: ConnectionSettings | None = None
