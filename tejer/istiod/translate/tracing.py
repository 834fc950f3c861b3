"""Where an HTTP connection manager sends its spans. Source: core/tracing.go, `istio.md` 5.3."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.envoy.proto import (
    CustomTag,
    GrpcService,
    HeaderValue,
    HeaderValueOption,
    HttpConnectionManager,
    HttpService,
    HttpUri,
    OpenTelemetryTracer,
    Percent,
    Tracers,
    UuidRequestIdConfig,
    ZipkinTracer,
    boolean,
    pack,
    seconds,
    u32,
)
from tejer.istiod.model.settings import TracingProvider, TracingTag
from tejer.istiod.model.tracing import TracingRule
from tejer.istiod.model.view import ProxyView
from tejer.istiod.translate import providers

ZIPKIN_PATH = "/api/v2/spans"
OTLP_PATH = "/v1/traces"
MESH_ID = "cluster.local"


def trace(manager: HttpConnectionManager, rule: TracingRule | None, view: ProxyView, *, gateway: bool = False) -> None:
    """No rule: no spans. So it is too where the proxy can't reach the provider: Envoy refuses an unknown cluster."""
    if rule is None or not providers.reachable(rule.provider, view):
        return
    manager.tracing.CopyFrom(_tracing(rule, view, gateway=gateway))
    if not rule.by_request_id:
        by_trace = UuidRequestIdConfig(use_request_id_for_trace_sampling=boolean(False))
        manager.request_id_extension.typed_config.CopyFrom(pack(by_trace))


def _tracing(rule: TracingRule, view: ProxyView, *, gateway: bool) -> HttpConnectionManager.Tracing:
    made = HttpConnectionManager.Tracing(
        client_sampling=Percent(value=100),
        random_sampling=Percent(value=rule.sampling),
        overall_sampling=Percent(value=100),
        custom_tags=[*_istio_tags(rule, view), *map(_custom, rule.tags)],
        provider=_zipkin(rule.provider, view) if rule.provider.zipkin else _opentelemetry(rule.provider, view),
        no_context_propagation=not rule.propagate,
    )
    if rule.max_path_tag_length:
        made.max_path_tag_length.CopyFrom(u32(rule.max_path_tag_length))
    if gateway:
        made.spawn_upstream_span.CopyFrom(boolean(True))
    return made


def service_name(view: ProxyView) -> str:
    """`app.namespace`, as Istio's default tracingServiceName has it."""
    subject = view.subject
    return f"{subject.app or subject.canonical_name or subject.workload or 'istio-proxy'}.{view.namespace}"


def _istio_tags(rule: TracingRule, view: ProxyView) -> Iterable[CustomTag]:
    if not rule.istio_tags:
        return ()
    subject = view.subject
    values = {
        "istio.canonical_revision": subject.canonical_revision or "latest",
        "istio.canonical_service": subject.canonical_name or subject.workload or "unknown",
        "istio.cluster_id": subject.cluster or "Kubernetes",
        "istio.mesh_id": view.mesh.trust_domain or MESH_ID,
        "istio.namespace": view.namespace,
    }
    return [CustomTag(tag=name, literal=CustomTag.Literal(value=value)) for name, value in values.items()]


def _custom(tag: TracingTag) -> CustomTag:
    made = CustomTag(tag=tag.name)
    if tag.kind == "literal":
        made.literal.CopyFrom(CustomTag.Literal(value=tag.value))
    elif tag.kind == "environment":
        made.environment.CopyFrom(CustomTag.Environment(name=tag.value, default_value=tag.default))
    elif tag.kind == "header":
        made.request_header.CopyFrom(CustomTag.Header(name=tag.value, default_value=tag.default))
    else:
        made.value = tag.value
    return made


def _opentelemetry(provider: TracingProvider, view: ProxyView) -> Tracers.Http:
    host, cluster = providers.host_of(provider, view.mesh.domain), providers.cluster_of(provider, view.mesh.domain)
    config = OpenTelemetryTracer(service_name=service_name(view))
    if provider.path:
        uri = HttpUri(uri=f"http://{host}:{provider.port}{provider.path}", cluster=cluster)
        uri.timeout.CopyFrom(seconds(provider.timeout))
        config.http_service.CopyFrom(HttpService(http_uri=uri, request_headers_to_add=_headers(provider)))
    else:
        config.grpc_service.CopyFrom(
            GrpcService(
                envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=cluster, authority=host),
                timeout=seconds(provider.timeout),
                initial_metadata=[HeaderValue(key=name, value=value) for name, value in provider.headers],
            )
        )
    return Tracers.Http(name="envoy.tracers.opentelemetry", typed_config=pack(config))


def _zipkin(provider: TracingProvider, view: ProxyView) -> Tracers.Http:
    config = ZipkinTracer(
        collector_cluster=providers.cluster_of(provider, view.mesh.domain),
        collector_endpoint=provider.path or ZIPKIN_PATH,
        collector_endpoint_version="HTTP_JSON",
        collector_hostname=providers.host_of(provider, view.mesh.domain),
        trace_id_128bit=True,
        shared_span_context=boolean(False),
        trace_context_option="USE_B3_WITH_W3C_PROPAGATION" if provider.w3c else "USE_B3",
    )
    return Tracers.Http(name="envoy.tracers.zipkin", typed_config=pack(config))


def _headers(provider: TracingProvider) -> list[HeaderValueOption]:
    return [HeaderValueOption(header=HeaderValue(key=name, value=value)) for name, value in provider.headers]
