"""Extension providers of the mesh configuration: where traces, logs and authorization checks go."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.keywords import enum


class EnvoyExternalAuthorizationRequestBody(Kind, frozen=True, kw_only=True):
    """How much of the body the check sees."""

    max_request_bytes: int | None = None
    allow_partial_message: bool | None = None
    pack_as_bytes: bool | None = None


class EnvoyExternalAuthorizationHttpProvider(Kind, frozen=True, kw_only=True):
    """An HTTP service that authorizes requests."""

    service: str = ""
    port: int | None = None
    timeout: str = ""
    path_prefix: str = ""
    fail_open: bool | None = None
    clear_route_cache: bool | None = None
    status_on_error: str = ""
    include_headers_in_check: tuple[str, ...] = ()
    include_request_headers_in_check: tuple[str, ...] = ()
    include_additional_headers_in_check: dict[str, str] = msgspec.field(default_factory=dict)
    include_request_body_in_check: EnvoyExternalAuthorizationRequestBody | None = None
    headers_to_upstream_on_allow: tuple[str, ...] = ()
    headers_to_downstream_on_deny: tuple[str, ...] = ()
    headers_to_downstream_on_allow: tuple[str, ...] = ()


class EnvoyExternalAuthorizationGrpcProvider(Kind, frozen=True, kw_only=True):
    """A gRPC service that authorizes requests."""

    service: str = ""
    port: int | None = None
    timeout: str = ""
    fail_open: bool | None = None
    clear_route_cache: bool | None = None
    status_on_error: str = ""
    include_request_body_in_check: EnvoyExternalAuthorizationRequestBody | None = None


class HttpHeader(Kind, frozen=True, kw_only=True):
    """A header with a value, or the environment variable that holds it."""

    name: str = ""
    value: str = ""
    env_name: str = ""


class ZipkinTracingProvider(Kind, frozen=True, kw_only=True):
    """Spans to Zipkin."""

    service: str = ""
    port: int | None = None
    max_tag_length: int | None = None
    enable64bit_trace_id: bool | None = None
    path: str = ""
    trace_context_option: Annotated[str, enum("USE_B3", "USE_B3_WITH_W3C_PROPAGATION")] = ""
    timeout: str = ""
    headers: tuple[HttpHeader, ...] = ()


class LightstepTracingProvider(Kind, frozen=True, kw_only=True):
    """Deprecated."""

    service: str = ""
    port: int | None = None
    access_token: str = ""
    max_tag_length: int | None = None


class DatadogTracingProvider(Kind, frozen=True, kw_only=True):
    """Spans to Datadog."""

    service: str = ""
    port: int | None = None
    max_tag_length: int | None = None


class Logging(Kind, frozen=True, kw_only=True):
    """Labels of the logs."""

    labels: dict[str, str] = msgspec.field(default_factory=dict)


class StackdriverProvider(Kind, frozen=True, kw_only=True):
    """Google Cloud operations."""

    debug: bool | None = None
    max_number_of_attributes: int | None = None
    max_number_of_annotations: int | None = None
    max_number_of_message_events: int | None = None
    max_tag_length: int | None = None
    logging: Logging | None = None


class OpenCensusAgentTracingProvider(Kind, frozen=True, kw_only=True):
    """Deprecated."""

    service: str = ""
    port: int | None = None
    context: tuple[
        Annotated[str, enum("UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3")], ...
    ] = ()
    max_tag_length: int | None = None


class SkyWalkingTracingProvider(Kind, frozen=True, kw_only=True):
    """Spans to SkyWalking."""

    service: str = ""
    port: int | None = None
    access_token: str = ""


class HttpService(Kind, frozen=True, kw_only=True):
    """How the collector is called over HTTP."""

    path: str = ""
    timeout: str = ""
    headers: tuple[HttpHeader, ...] = ()


class GrpcService(Kind, frozen=True, kw_only=True):
    """How the collector is called over gRPC."""

    timeout: str = ""
    initial_metadata: tuple[HttpHeader, ...] = ()


class EnvironmentResourceDetector(Kind, frozen=True, kw_only=True):
    """Attributes from OTEL_RESOURCE_ATTRIBUTES."""


class DynatraceResourceDetector(Kind, frozen=True, kw_only=True):
    """Attributes from Dynatrace's files."""


class ResourceDetectors(Kind, frozen=True, kw_only=True):
    """What is added to the resource of spans."""

    environment: EnvironmentResourceDetector | None = None
    dynatrace: DynatraceResourceDetector | None = None


class DynatraceApi(Kind, frozen=True, kw_only=True):
    """Where sampling settings are read."""

    service: str = ""
    port: int | None = None
    http: HttpService | None = None


class DynatraceSampler(Kind, frozen=True, kw_only=True):
    """Dynatrace's sampler."""

    tenant: str = ""
    cluster_id: int | None = None
    root_spans_per_minute: int | None = None
    http_service: DynatraceApi | None = None


class OpenTelemetryTracingProvider(Kind, frozen=True, kw_only=True):
    """Spans over OTLP."""

    service: str = ""
    port: int | None = None
    max_tag_length: int | None = None
    http: HttpService | None = None
    grpc: GrpcService | None = None
    resource_detectors: ResourceDetectors | None = None
    service_attribute_enrichment: Annotated[str, enum("ISTIO_CANONICAL", "OTEL_SEMANTIC_CONVENTIONS")] = ""
    dynatrace_sampler: DynatraceSampler | None = None


class PrometheusMetricsProvider(Kind, frozen=True, kw_only=True):
    """Metrics for Prometheus; has no settings."""


class EnvoyFileAccessLogFormat(Kind, frozen=True, kw_only=True):
    """A text format, or labels for JSON."""

    text: str = ""
    labels: dict[str, Any] = msgspec.field(default_factory=dict)


class EnvoyFileAccessLogProvider(Kind, frozen=True, kw_only=True):
    """Access logs to a file."""

    path: str = ""
    log_format: EnvoyFileAccessLogFormat | None = None
    omit_empty_values: bool | None = None


class EnvoyHttpGrpcV3LogProvider(Kind, frozen=True, kw_only=True):
    """HTTP access logs over gRPC."""

    service: str = ""
    port: int | None = None
    log_name: str = ""
    filter_state_objects_to_log: tuple[str, ...] = ()
    additional_request_headers_to_log: tuple[str, ...] = ()
    additional_response_headers_to_log: tuple[str, ...] = ()
    additional_response_trailers_to_log: tuple[str, ...] = ()


class EnvoyTcpGrpcV3LogProvider(Kind, frozen=True, kw_only=True):
    """TCP access logs over gRPC."""

    service: str = ""
    port: int | None = None
    log_name: str = ""
    filter_state_objects_to_log: tuple[str, ...] = ()


class EnvoyOpenTelemetryLogFormat(Kind, frozen=True, kw_only=True):
    """Body and attributes of the records."""

    text: str = ""
    labels: dict[str, Any] = msgspec.field(default_factory=dict)


class EnvoyOpenTelemetryLogProvider(Kind, frozen=True, kw_only=True):
    """Access logs over OTLP."""

    service: str = ""
    port: int | None = None
    log_name: str = ""
    log_format: EnvoyOpenTelemetryLogFormat | None = None


class SDSProvider(Kind, frozen=True, kw_only=True):
    """A secret discovery service."""

    name: str = ""
    service: str = ""
    port: int | None = None


class ExtensionProvider(Kind, frozen=True, kw_only=True):
    """A named provider; exactly one of its kinds is set."""

    name: str = ""
    envoy_ext_authz_http: EnvoyExternalAuthorizationHttpProvider | None = None
    envoy_ext_authz_grpc: EnvoyExternalAuthorizationGrpcProvider | None = None
    zipkin: ZipkinTracingProvider | None = None
    lightstep: LightstepTracingProvider | None = None
    datadog: DatadogTracingProvider | None = None
    stackdriver: StackdriverProvider | None = None
    opencensus: OpenCensusAgentTracingProvider | None = None
    skywalking: SkyWalkingTracingProvider | None = None
    opentelemetry: OpenTelemetryTracingProvider | None = None
    prometheus: PrometheusMetricsProvider | None = None
    envoy_file_access_log: EnvoyFileAccessLogProvider | None = None
    envoy_http_als: EnvoyHttpGrpcV3LogProvider | None = None
    envoy_tcp_als: EnvoyTcpGrpcV3LogProvider | None = None
    envoy_otel_als: EnvoyOpenTelemetryLogProvider | None = None
    sds: SDSProvider | None = None
