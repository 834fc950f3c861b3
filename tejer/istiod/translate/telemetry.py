"""Istio's standard metrics by Envoy's stats access logger, and access logs. Sources: `envoy.md` 3, `istio.md` 5.1, 5.2.

A proxy's own labels are literals. The other side's come from endpoint metadata (at the source) or from the peer
certificate's Subject (at the destination), which a network filter reads once per connection. Values that are missing
come out empty; the agent writes "unknown" for them at :15020.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from tejer.envoy.identity import ATTRIBUTES, PeerSubject, peer_state_key, subject_extractor
from tejer.envoy.proto import (
    AccessLog,
    AccessLogFilter,
    AnyAttribute,
    Attribute,
    Attributes,
    DataSource,
    ExpressionFilter,
    ExtensionFilter,
    FileAccessLog,
    FilterStateValue,
    GrpcService,
    LogTypeFilter,
    NetworkFilter,
    NetworkSetFilterState,
    OpenTelemetryAccessLog,
    Scope,
    StatsAccessLog,
    StatTagValueInput,
    StdoutAccessLog,
    SubstitutionFormatString,
    TransformStat,
    XdsMatcher,
    XdsStringMatcher,
    XdsTypedExtensionConfig,
    pack,
    struct,
    u32,
    u64,
)
from tejer.istiod.model.settings import LogProvider
from tejer.istiod.model.telemetry import AccessLogRule
from tejer.istiod.model.view import ProxyView
from tejer.istiod.translate import providers

MUTUAL_TLS, NO_TLS, UNKNOWN = "mutual_tls", "none", "unknown"
STDOUT = "/dev/stdout"
OTLP_LOG_NAME = "otel_envoy_accesslog"
MAX_SERIES = 20_000
LogType = Literal["TcpUpstreamConnected", "TcpConnectionEnd"]

DEFAULT_TEXT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% '
    '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
DEFAULT_JSON = {
    "start_time": "%START_TIME%",
    "route_name": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}

_LABELS = {
    "workload": "workload",
    "canonical_service": "canonical_name",
    "canonical_revision": "canonical_revision",
    "workload_namespace": "namespace",
    "app": "app",
    "version": "version",
    "cluster": "cluster",
}
"""Istio's label after `source_` or `destination_` -> the field of `PeerSubject`."""


_SERVICE_OR_HOST = (
    '%COALESCE({"operators":['
    '{"command":"CLUSTER_METADATA","param":"tejer:host"},{"command":"REQ","param":":AUTHORITY"}'
    "]})%"
)


def _own(side: str, subject: PeerSubject) -> dict[str, str]:
    return {f"{side}_{label}": getattr(subject, field) or UNKNOWN for label, field in _LABELS.items()}


def _upstream_peer(side: str) -> dict[str, str]:
    return {f"{side}_{label}": f"%UPSTREAM_METADATA(tejer:{field})%" for label, field in _LABELS.items()}


def _downstream_peer(side: str) -> dict[str, str]:
    return {f"{side}_{label}": f"%FILTER_STATE({peer_state_key(field)}:PLAIN)%" for label, field in _LABELS.items()}


def _nobody(side: str) -> dict[str, str]:
    return {f"{side}_{label}": UNKNOWN for label in _LABELS}


def source_labels(own: PeerSubject, *, by_host: bool) -> dict[str, str]:
    """What the caller's proxy reports. The service is the cluster's; `by_host`: for an unknown one, the Host."""
    host = "%CLUSTER_METADATA(tejer:host)%"
    if by_host:
        host = _SERVICE_OR_HOST
    return {
        "reporter": "source",
        **_own("source", own),
        "source_principal": "%UPSTREAM_LOCAL_URI_SAN%",
        **_upstream_peer("destination"),
        "destination_principal": "%UPSTREAM_PEER_URI_SAN%",
        "destination_service": host,
        "destination_service_name": "%CLUSTER_METADATA(tejer:name)%",
        "destination_service_namespace": "%CLUSTER_METADATA(tejer:namespace)%",
        "connection_security_policy": UNKNOWN,
    }


def destination_labels(own: PeerSubject, service: Mapping[str, str], *, mtls: bool) -> dict[str, str]:
    """What the callee's proxy reports. `service` gives destination_service, its name and its namespace."""
    return {
        "reporter": "destination",
        **(_downstream_peer("source") if mtls else _nobody("source")),
        "source_principal": "%DOWNSTREAM_PEER_URI_SAN%" if mtls else UNKNOWN,
        **_own("destination", own),
        "destination_principal": "%DOWNSTREAM_LOCAL_URI_SAN%" if mtls else UNKNOWN,
        **service,
        "connection_security_policy": MUTUAL_TLS if mtls else NO_TLS,
    }


def service_labels(host: str, name: str, namespace: str) -> dict[str, str]:
    return {
        "destination_service": host or UNKNOWN,
        "destination_service_name": name or UNKNOWN,
        "destination_service_namespace": namespace or UNKNOWN,
    }


def _tags(labels: Mapping[str, str]) -> list[StatsAccessLog.Tag]:
    return [StatsAccessLog.Tag(name=name, value_format=value) for name, value in labels.items()]


def _protocol_tag() -> StatsAccessLog.Tag:
    """`request_protocol`: grpc when the content type says so, else http."""

    def becomes(value: str) -> XdsMatcher.OnMatch:
        transform = TransformStat(update_tag=TransformStat.UpdateTag(new_tag_value=value))
        return XdsMatcher.OnMatch(action=XdsTypedExtensionConfig(name=value, typed_config=pack(transform)))

    single = XdsMatcher.MatcherList.Predicate.SinglePredicate(
        input=XdsTypedExtensionConfig(name="value", typed_config=pack(StatTagValueInput())),
        value_match=XdsStringMatcher(prefix="application/grpc"),
    )
    grpc = XdsMatcher.MatcherList.FieldMatcher(
        predicate=XdsMatcher.MatcherList.Predicate(single_predicate=single), on_match=becomes("grpc")
    )
    rules = XdsMatcher(matcher_list=XdsMatcher.MatcherList(matchers=[grpc]), on_no_match=becomes("http"))
    return StatsAccessLog.Tag(name="request_protocol", value_format="%REQ(CONTENT-TYPE)%", rules=rules)


def _scope() -> Scope:
    return Scope(max_counters=u32(MAX_SERIES), max_histograms=u32(MAX_SERIES), enable_eviction=True)


def http_metrics(labels: Mapping[str, str]) -> AccessLog:
    tags = [
        *_tags(labels),
        _protocol_tag(),
        *_tags(
            {
                "response_code": "%RESPONSE_CODE%",
                "grpc_response_status": "%GRPC_STATUS_NUMBER%",
                "response_flags": "%RESPONSE_FLAGS%",
            }
        ),
    ]

    def histogram(name: str, unit: int, value: str) -> StatsAccessLog.Histogram:
        stat = StatsAccessLog.Stat(name=name, tags=tags)
        return StatsAccessLog.Histogram(stat=stat, unit=unit, value_format=value)

    bytes_unit = StatsAccessLog.Histogram.Bytes
    config = StatsAccessLog(
        stats_scope=_scope(),
        counters=[
            StatsAccessLog.Counter(stat=StatsAccessLog.Stat(name="istio_requests_total", tags=tags), value_fixed=u64(1))
        ],
        histograms=[
            histogram("istio_request_duration_milliseconds", StatsAccessLog.Histogram.Milliseconds, "%DURATION%"),
            histogram("istio_request_bytes", bytes_unit, "%BYTES_RECEIVED%"),
            histogram("istio_response_bytes", bytes_unit, "%BYTES_SENT%"),
        ],
    )
    return AccessLog(name="envoy.access_loggers.stats", typed_config=pack(config))


def tcp_metrics(labels: Mapping[str, str]) -> list[AccessLog]:
    """Opened when the upstream is connected, the rest at the end: byte counts are cumulative until then."""
    tags = _tags({**labels, "request_protocol": "tcp", "response_flags": "%RESPONSE_FLAGS%"})

    def counter(name: str, value: str = "") -> StatsAccessLog.Counter:
        stat = StatsAccessLog.Stat(name=name, tags=tags)
        if value:
            return StatsAccessLog.Counter(stat=stat, value_format=value)
        return StatsAccessLog.Counter(stat=stat, value_fixed=u64(1))

    opened = [counter("istio_tcp_connections_opened_total")]
    closed = [
        counter("istio_tcp_connections_closed_total"),
        counter("istio_tcp_sent_bytes_total", "%BYTES_SENT%"),
        counter("istio_tcp_received_bytes_total", "%BYTES_RECEIVED%"),
    ]

    def log(kind: LogType, counters: list[StatsAccessLog.Counter]) -> AccessLog:
        return AccessLog(
            name="envoy.access_loggers.stats",
            filter=AccessLogFilter(log_type_filter=LogTypeFilter(types=[kind])),
            typed_config=pack(StatsAccessLog(stats_scope=_scope(), counters=counters)),
        )

    return [log("TcpUpstreamConnected", opened), log("TcpConnectionEnd", closed)]


def peer_filter() -> NetworkFilter:
    """Reads the peer certificate's Subject into filter state, once per connection."""
    values = [
        FilterStateValue(
            object_key=peer_state_key(attribute.field),
            factory_key="envoy.string",
            format_string=SubstitutionFormatString(
                text_format_source=DataSource(inline_string=subject_extractor(attribute)),
                omit_empty_values=True,  # else a missing attribute reads "-" and is not skipped
            ),
            skip_if_empty=True,
        )
        for attribute in ATTRIBUTES
    ]
    return NetworkFilter(
        name="envoy.filters.network.set_filter_state",
        typed_config=pack(NetworkSetFilterState(on_downstream_tls_handshake=values)),
    )


def access_logs(rules: Iterable[AccessLogRule], view: ProxyView) -> list[AccessLog]:
    """Stdout has its own logger: Envoy may not open /dev/stdout when another user owns what is behind it."""
    return [
        _access_log(rule, view) for rule in rules if rule.collector is None or providers.reachable(rule.collector, view)
    ]


def _access_log(rule: AccessLogRule, view: ProxyView) -> AccessLog:
    log = _otlp_log(rule, rule.collector, view) if rule.collector else _file_log(rule)
    if rule.expression:
        extension = ExtensionFilter(
            name="envoy.access_loggers.extension_filters.cel",
            typed_config=pack(ExpressionFilter(expression=rule.expression)),
        )
        log.filter.CopyFrom(AccessLogFilter(extension_filter=extension))
    return log


def _otlp_log(rule: AccessLogRule, collector: LogProvider, view: ProxyView) -> AccessLog:
    """Envoy adds the ids of the trace; the fields are those of the JSON format, so that a store can look for them."""
    subject = view.subject
    resource = {"k8s.namespace.name": view.namespace, "k8s.deployment.name": subject.workload or subject.app}
    config = OpenTelemetryAccessLog(
        log_name=collector.log_name or OTLP_LOG_NAME,
        grpc_service=GrpcService(
            envoy_grpc=GrpcService.EnvoyGrpc(
                cluster_name=providers.cluster_of(collector, view.mesh.domain),
                authority=providers.host_of(collector, view.mesh.domain),
            )
        ),
        body=AnyAttribute(string_value=(rule.text or DEFAULT_TEXT).rstrip("\n")),
        attributes=_attributes(rule.labels or DEFAULT_JSON),
        resource_attributes=_attributes(resource),
    )
    return AccessLog(name="envoy.access_loggers.open_telemetry", typed_config=pack(config))


def _attributes(values: Mapping[str, str]) -> Attributes:
    return Attributes(
        values=[Attribute(key=key, value=AnyAttribute(string_value=value)) for key, value in values.items()]
    )


def _file_log(rule: AccessLogRule) -> AccessLog:
    if rule.json:
        log_format = SubstitutionFormatString(json_format=struct(rule.labels or DEFAULT_JSON))
    else:
        text = rule.text or DEFAULT_TEXT
        text = text if text.endswith("\n") else text + "\n"
        log_format = SubstitutionFormatString(text_format_source=DataSource(inline_string=text))
    if rule.path == STDOUT:
        name, config = "envoy.access_loggers.stdout", pack(StdoutAccessLog(log_format=log_format))
    else:
        name, config = "envoy.access_loggers.file", pack(FileAccessLog(path=rule.path, log_format=log_format))
    return AccessLog(name=name, typed_config=config)
