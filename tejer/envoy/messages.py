"""Short names of the protobuf messages and enums we use: the table behind `tejer.envoy.proto` and its typed stub.

A name is looked up in `ALIASES` first, then in `PACKAGES` in order. To use a message not covered yet, add an alias here
and run `scripts/envoy_stubs.py`.
"""

from __future__ import annotations

PACKAGES: tuple[str, ...] = (
    "google.protobuf",
    "google.rpc",
    "envoy.config.core.v3",
    "envoy.config.cluster.v3",
    "envoy.config.endpoint.v3",
    "envoy.config.listener.v3",
    "envoy.config.route.v3",
    "envoy.config.accesslog.v3",
    "envoy.config.rbac.v3",
    "envoy.extensions.transport_sockets.tls.v3",
    "envoy.extensions.filters.network.http_connection_manager.v3",
    "envoy.service.discovery.v3",
    "envoy.type.v3",
    "envoy.type.matcher.v3",
    "envoy.type.tracing.v3",
    "envoy.extensions.filters.http.jwt_authn.v3",
    "envoy.extensions.filters.common.set_filter_state.v3",
    "envoy.extensions.access_loggers.stream.v3",
    "envoy.extensions.load_balancing_policies.common.v3",
    "istio.v1.auth",
)
"""Packages of which every top-level name is offered under its own short name."""

_HTTP = "envoy.extensions.filters.http"
_NETWORK = "envoy.extensions.filters.network"
_LISTENER = "envoy.extensions.filters.listener"
_LOGGERS = "envoy.extensions.access_loggers"
_LB = "envoy.extensions.load_balancing_policies"
_INPUTS = "envoy.extensions.matching.common_inputs"

ALIASES: dict[str, str] = {
    # Names that several packages share.
    "ListenerFilter": "envoy.config.listener.v3.ListenerFilter",
    "NetworkFilter": "envoy.config.listener.v3.Filter",
    "UpstreamFilter": "envoy.config.cluster.v3.Filter",
    "MetadataKey": "envoy.type.metadata.v3.MetadataKey",
    "RouteRetryPolicy": "envoy.config.route.v3.RetryPolicy",
    "MetadataKind": "envoy.type.metadata.v3.MetadataKind",
    "PathTransformation": "envoy.type.http.v3.PathTransformation",
    "TypedExtensionConfig": "envoy.config.core.v3.TypedExtensionConfig",
    "XdsResource": "envoy.service.discovery.v3.Resource",
    "XdsTypedExtensionConfig": "xds.core.v3.TypedExtensionConfig",
    "XdsMatcher": "xds.type.matcher.v3.Matcher",
    "XdsStringMatcher": "xds.type.matcher.v3.StringMatcher",
    "XdsIPMatcher": "xds.type.matcher.v3.IPMatcher",
    "XdsServerNameMatcher": "xds.type.matcher.v3.ServerNameMatcher",
    "TypedStruct": "xds.type.v3.TypedStruct",
    "HttpVersionOptions": "envoy.config.core.v3.HttpProtocolOptions",
    "Bootstrap": "envoy.config.bootstrap.v3.Bootstrap",
    # HTTP filters.
    "Router": f"{_HTTP}.router.v3.Router",
    "HttpRbac": f"{_HTTP}.rbac.v3.RBAC",
    "HttpRbacPerRoute": f"{_HTTP}.rbac.v3.RBACPerRoute",
    "HTTPFault": f"{_HTTP}.fault.v3.HTTPFault",
    "FaultAbort": f"{_HTTP}.fault.v3.FaultAbort",
    "FaultDelay": "envoy.extensions.filters.common.fault.v3.FaultDelay",
    "FaultRateLimit": "envoy.extensions.filters.common.fault.v3.FaultRateLimit",
    "Cors": f"{_HTTP}.cors.v3.Cors",
    "CorsPolicyPerRoute": f"{_HTTP}.cors.v3.CorsPolicy",
    "GrpcStats": f"{_HTTP}.grpc_stats.v3.FilterConfig",
    "GrpcWeb": f"{_HTTP}.grpc_web.v3.GrpcWeb",
    "HttpSetFilterState": f"{_HTTP}.set_filter_state.v3.Config",
    "HttpWasm": f"{_HTTP}.wasm.v3.Wasm",
    "Lua": f"{_HTTP}.lua.v3.Lua",
    "LuaPerRoute": f"{_HTTP}.lua.v3.LuaPerRoute",
    "LocalRateLimit": f"{_HTTP}.local_ratelimit.v3.LocalRateLimit",
    "HttpRateLimit": f"{_HTTP}.ratelimit.v3.RateLimit",
    "ExtAuthz": f"{_HTTP}.ext_authz.v3.ExtAuthz",
    "ExtAuthzPerRoute": f"{_HTTP}.ext_authz.v3.ExtAuthzPerRoute",
    "ExtAuthzHttpService": f"{_HTTP}.ext_authz.v3.HttpService",
    "ExtAuthzBufferSettings": f"{_HTTP}.ext_authz.v3.BufferSettings",
    "ExternalProcessor": f"{_HTTP}.ext_proc.v3.ExternalProcessor",
    "HeaderMutationFilter": f"{_HTTP}.header_mutation.v3.HeaderMutation",
    "HeaderToMetadata": f"{_HTTP}.header_to_metadata.v3.Config",
    "OnDemand": f"{_HTTP}.on_demand.v3.OnDemand",
    "StatefulSession": f"{_HTTP}.stateful_session.v3.StatefulSession",
    "Buffer": f"{_HTTP}.buffer.v3.Buffer",
    "Compressor": f"{_HTTP}.compressor.v3.Compressor",
    "HealthCheckFilter": f"{_HTTP}.health_check.v3.HealthCheck",
    # Network filters.
    "TcpProxy": f"{_NETWORK}.tcp_proxy.v3.TcpProxy",
    "NetworkExtAuthz": f"{_NETWORK}.ext_authz.v3.ExtAuthz",
    "NetworkRbac": f"{_NETWORK}.rbac.v3.RBAC",
    "NetworkSetFilterState": f"{_NETWORK}.set_filter_state.v3.Config",
    "NetworkLocalRateLimit": f"{_NETWORK}.local_ratelimit.v3.LocalRateLimit",
    "ConnectionLimit": f"{_NETWORK}.connection_limit.v3.ConnectionLimit",
    "SniCluster": f"{_NETWORK}.sni_cluster.v3.SniCluster",
    "Echo": f"{_NETWORK}.echo.v3.Echo",
    # Listener filters.
    "OriginalDst": f"{_LISTENER}.original_dst.v3.OriginalDst",
    "OriginalSrc": f"{_LISTENER}.original_src.v3.OriginalSrc",
    "TlsInspector": f"{_LISTENER}.tls_inspector.v3.TlsInspector",
    "HttpInspector": f"{_LISTENER}.http_inspector.v3.HttpInspector",
    "ProxyProtocol": f"{_LISTENER}.proxy_protocol.v3.ProxyProtocol",
    "ListenerSetFilterState": f"{_LISTENER}.set_filter_state.v3.Config",
    # Tracers and loggers.
    "Tracers": "envoy.config.trace.v3.Tracing",
    "OpenTelemetryTracer": "envoy.config.trace.v3.OpenTelemetryConfig",
    "ZipkinTracer": "envoy.config.trace.v3.ZipkinConfig",
    "OpenTelemetryAccessLog": f"{_LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig",
    "AnyAttribute": "opentelemetry.proto.common.v1.AnyValue",
    "Attribute": "opentelemetry.proto.common.v1.KeyValue",
    "Attributes": "opentelemetry.proto.common.v1.KeyValueList",
    # Clusters and upstreams.
    "HttpProtocolOptions": "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "TcpProtocolOptions": "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions",
    "RawBuffer": "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    "ProxyProtocolUpstreamTransport":
        "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
    "InternalUpstreamTransport": "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
    "DnsCluster": "envoy.extensions.clusters.dns.v3.DnsCluster",
    "CaresDnsResolverConfig": "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
    "OriginalDstCluster": "envoy.extensions.clusters.original_dst.v3.OriginalDstCluster",
    "DnsCacheConfig": "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig",
    "DynamicForwardProxyFilter": f"{_HTTP}.dynamic_forward_proxy.v3.FilterConfig",
    "DynamicForwardProxyCluster": "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
    "LeastRequest": f"{_LB}.least_request.v3.LeastRequest",
    "RoundRobin": f"{_LB}.round_robin.v3.RoundRobin",
    "RandomLb": f"{_LB}.random.v3.Random",
    "RingHash": f"{_LB}.ring_hash.v3.RingHash",
    "Maglev": f"{_LB}.maglev.v3.Maglev",
    "ClusterProvided": f"{_LB}.cluster_provided.v3.ClusterProvided",
    "PreviousHostsPredicate": "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    "PreviousPrioritiesConfig": "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
    # Access logs, statistics, tracing.
    "FileAccessLog": f"{_LOGGERS}.file.v3.FileAccessLog",
    "StatsAccessLog": f"{_LOGGERS}.stats.v3.Config",
    "HttpGrpcAccessLogConfig": f"{_LOGGERS}.grpc.v3.HttpGrpcAccessLogConfig",
    "TcpGrpcAccessLogConfig": f"{_LOGGERS}.grpc.v3.TcpGrpcAccessLogConfig",
    "OpenTelemetryAccessLogConfig": f"{_LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig",
    "ExpressionFilter": f"{_LOGGERS}.filters.cel.v3.ExpressionFilter",
    "OpenTelemetryConfig": "envoy.config.trace.v3.OpenTelemetryConfig",
    "ZipkinConfig": "envoy.config.trace.v3.ZipkinConfig",
    "TraceHttpConfig": "envoy.config.trace.v3.Tracing",
    "CelFormatter": "envoy.extensions.formatter.cel.v3.Cel",
    "MetadataFormatter": "envoy.extensions.formatter.metadata.v3.Metadata",
    "ReqWithoutQuery": "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
    "UuidRequestIdConfig": "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
    "PreserveCaseFormatterConfig":
        "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
    "StatsMatcher": "envoy.config.metrics.v3.StatsMatcher",
    "TransformStat": "envoy.extensions.matching.actions.transform_stat.v3.TransformStat",
    "StatTagValueInput": f"{_INPUTS}.stats.v3.StatTagValueInput",
    "StatFullNameMatchInput": f"{_INPUTS}.stats.v3.StatFullNameMatchInput",
    # Matching.
    "UriTemplateMatchConfig": "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
    "UriTemplateRewriteConfig": "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig",
    "DestinationPortInput": f"{_INPUTS}.network.v3.DestinationPortInput",
    "DestinationIPInput": f"{_INPUTS}.network.v3.DestinationIPInput",
    "SourceIPInput": f"{_INPUTS}.network.v3.SourceIPInput",
    "ServerNameInput": f"{_INPUTS}.network.v3.ServerNameInput",
    "TransportProtocolInput": f"{_INPUTS}.network.v3.TransportProtocolInput",
    "ApplicationProtocolInput": f"{_INPUTS}.network.v3.ApplicationProtocolInput",
    "FilterStateInput": f"{_INPUTS}.network.v3.FilterStateInput",
    # On-demand secrets (one Envoy for many pods).
    "OnDemandSecret": "envoy.extensions.transport_sockets.tls.cert_selectors.on_demand_secret.v3.Config",
}  # fmt: skip


def candidates(short_name: str) -> tuple[str, ...]:
    """Full names that `short_name` may stand for, in order of preference."""
    if alias := ALIASES.get(short_name):
        return (alias,)
    return tuple(f"{package}.{short_name}" for package in PACKAGES)
