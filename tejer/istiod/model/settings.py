"""`MeshSettings`: what translation needs of MeshConfig (ConfigMap `istio`, key `mesh`), with Istio's defaults.

Source: pkg/config/mesh/mesh.go, `istio.md` T9. Only fields that something reads are here, so a change of any other
changes no proxy.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import HTTPRetry

ALLOW_ANY = "ALLOW_ANY"
REGISTRY_ONLY = "REGISTRY_ONLY"
DYNAMIC_DNS = "ALLOW_ANY_DYNAMIC_DNS"
DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_DNS_REFRESH = 60.0
DEFAULT_SAMPLING = 1.0
"""Percent of requests that are traced (PILOT_TRACE_SAMPLING)."""


class ExtAuthzProvider(msgspec.Struct, frozen=True, kw_only=True):
    """An external authorizer of `extensionProviders`. `grpc` tells envoyExtAuthzGrpc from envoyExtAuthzHttp."""

    name: str
    grpc: bool
    service: str = ""
    port: int = 0
    timeout: float = 600.0
    path_prefix: str = ""
    fail_open: bool = False
    clear_route_cache: bool = False
    status_on_error: str = ""
    request_headers: tuple[str, ...] = ()
    additional_headers: dict[str, str] = {}
    headers_to_upstream: tuple[str, ...] = ()
    headers_to_downstream_on_deny: tuple[str, ...] = ()
    headers_to_downstream_on_allow: tuple[str, ...] = ()
    max_request_bytes: int = 0
    allow_partial_body: bool = False
    pack_as_bytes: bool = False


class LogProvider(msgspec.Struct, frozen=True, kw_only=True):
    """envoyFileAccessLog, or envoyOtelAls where there is a `service`. A file has `labels` (JSON) or `text`."""

    name: str
    path: str = "/dev/stdout"
    text: str = ""
    labels: dict[str, str] = {}
    service: str = ""
    port: int = 0
    log_name: str = ""


class TracingProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Where spans go: opentelemetry over gRPC, or over HTTP where there is a `path`; or zipkin."""

    name: str
    zipkin: bool = False
    service: str = ""
    port: int = 0
    path: str = ""
    timeout: float = 10.0
    headers: tuple[tuple[str, str], ...] = ()
    max_tag_length: int = 0
    w3c: bool = False
    """Zipkin: W3C's headers beside B3's."""


class TracingTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag of spans. `kind` is literal, environment, header or formatter; `value` the text or the name."""

    name: str
    kind: str
    value: str
    default: str = ""


class MeshSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are in seconds. `key` makes it the single member of its collection."""

    key: str = "mesh"
    domain: str = "cluster.local"
    short_domain: str = "cluster.local"
    root_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    auto_mtls: bool = True
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    protocol_detection_timeout: float = 0.0
    dns_refresh: float = DEFAULT_DNS_REFRESH
    outbound_mode: str = ALLOW_ANY
    path_normalization: str = "DEFAULT"
    access_log_file: str = ""
    access_log_format: str = ""
    access_log_json: bool = False
    service_export_to: tuple[str, ...] = ("*",)
    virtual_service_export_to: tuple[str, ...] = ("*",)
    destination_rule_export_to: tuple[str, ...] = ("*",)
    retries: HTTPRetry | None = None
    ext_authz: tuple[ExtAuthzProvider, ...] = ()
    log_providers: tuple[LogProvider, ...] = ()
    default_log_providers: tuple[str, ...] = ()
    tracing: bool = True
    tracing_providers: tuple[TracingProvider, ...] = ()
    default_tracing_providers: tuple[str, ...] = ()
    tracing_sampling: float = DEFAULT_SAMPLING
    tracing_tags: tuple[TracingTag, ...] = ()
    tracing_istio_tags: bool = True
    max_path_tag_length: int = 0
    min_tls: str = "TLSV1_3"

    @property
    def trust_domains(self) -> tuple[str, ...]:
        return (self.trust_domain, *self.trust_domain_aliases)


def mesh_settings(
    mesh: dict[str, Any], *, domain: str = "cluster.local", short_domain: str = "cluster.local"
) -> MeshSettings:
    """Read MeshConfig's JSON. Raises ValueError naming a field that has the wrong shape."""
    given: dict[str, Any] = {"domain": domain, "short_domain": short_domain}
    for name, attribute in _TEXT.items():
        if mesh.get(name):
            given[attribute] = str(mesh[name])
    for name, attribute in _DURATIONS.items():
        if mesh.get(name):
            given[attribute] = parse_duration(str(mesh[name]))
    for name, attribute in _LISTS.items():
        if mesh.get(name):
            given[attribute] = tuple(str(item) for item in mesh[name])
    if mesh.get("enableAutoMtls") is False:
        given["auto_mtls"] = False
    given["access_log_json"] = mesh.get("accessLogEncoding") == "JSON"
    given["outbound_mode"] = (mesh.get("outboundTrafficPolicy") or {}).get("mode") or ALLOW_ANY
    given["path_normalization"] = (mesh.get("pathNormalization") or {}).get("normalization") or "DEFAULT"
    if mesh.get("defaultHttpRetryPolicy"):
        given["retries"] = msgspec.convert(mesh["defaultHttpRetryPolicy"], HTTPRetry)
    given["min_tls"] = (mesh.get("meshMTLS") or {}).get("minProtocolVersion") or "TLSV1_3"
    providers = mesh.get("extensionProviders") or ()
    given["ext_authz"] = tuple(found for found in map(_ext_authz, providers) if found)
    given["log_providers"] = tuple(found for found in map(_log_provider, providers) if found)
    given["tracing_providers"] = tuple(found for found in map(_tracing_provider, providers) if found)
    defaults = mesh.get("defaultProviders") or {}
    given["default_log_providers"] = tuple(str(name) for name in defaults.get("accessLogging") or ())
    given["default_tracing_providers"] = tuple(str(name) for name in defaults.get("tracing") or ())
    given["tracing"] = mesh.get("enableTracing") is not False
    given |= _proxy_tracing((mesh.get("defaultConfig") or {}).get("tracing") or {})
    return MeshSettings(**given)


_TEXT = {
    "rootNamespace": "root_namespace",
    "trustDomain": "trust_domain",
    "accessLogFile": "access_log_file",
    "accessLogFormat": "access_log_format",
}
_DURATIONS = {
    "connectTimeout": "connect_timeout",
    "protocolDetectionTimeout": "protocol_detection_timeout",
    "dnsRefreshRate": "dns_refresh",
}
_LISTS = {
    "trustDomainAliases": "trust_domain_aliases",
    "defaultServiceExportTo": "service_export_to",
    "defaultVirtualServiceExportTo": "virtual_service_export_to",
    "defaultDestinationRuleExportTo": "destination_rule_export_to",
}


def _ext_authz(provider: dict[str, Any]) -> ExtAuthzProvider | None:
    for field, grpc in (("envoyExtAuthzGrpc", True), ("envoyExtAuthzHttp", False)):
        if (given := provider.get(field)) is None:
            continue
        body = given.get("includeRequestBodyInCheck") or {}
        return ExtAuthzProvider(
            name=str(provider.get("name", "")),
            grpc=grpc,
            service=str(given.get("service", "")),
            port=int(given.get("port", 0)),
            timeout=parse_duration(str(given.get("timeout") or "600s")),
            path_prefix=str(given.get("pathPrefix", "")),
            fail_open=bool(given.get("failOpen")),
            clear_route_cache=bool(given.get("clearRouteCache")),
            status_on_error=str(given.get("statusOnError", "")),
            request_headers=tuple(
                given.get("includeRequestHeadersInCheck") or given.get("includeHeadersInCheck") or ()
            ),
            additional_headers=dict(given.get("includeAdditionalHeadersInCheck") or {}),
            headers_to_upstream=tuple(given.get("headersToUpstreamOnAllow") or ()),
            headers_to_downstream_on_deny=tuple(given.get("headersToDownstreamOnDeny") or ()),
            headers_to_downstream_on_allow=tuple(given.get("headersToDownstreamOnAllow") or ()),
            max_request_bytes=int(body.get("maxRequestBytes", 0)),
            allow_partial_body=bool(body.get("allowPartialMessage")),
            pack_as_bytes=bool(body.get("packAsBytes")),
        )
    return None


def _log_provider(provider: dict[str, Any]) -> LogProvider | None:
    otlp = provider.get("envoyOtelAls")
    if (given := otlp if otlp is not None else provider.get("envoyFileAccessLog")) is None:
        return None
    log_format = given.get("logFormat") or {}
    return LogProvider(
        name=str(provider.get("name", "")),
        service=str(given.get("service") or "") if otlp is not None else "",
        port=int(given.get("port") or 0),
        log_name=str(given.get("logName") or ""),
        path=str(given.get("path") or "/dev/stdout"),
        text=str(log_format.get("text") or ""),
        labels={str(k): str(v) for k, v in (log_format.get("labels") or {}).items()},
    )


def _tracing_provider(provider: dict[str, Any]) -> TracingProvider | None:
    zipkin = provider.get("zipkin")
    given = zipkin if zipkin is not None else provider.get("opentelemetry")
    if given is None:
        return None
    way = given.get("http") or given.get("grpc") or {}
    headers = given.get("headers") or way.get("headers") or way.get("initialMetadata") or ()
    return TracingProvider(
        name=str(provider.get("name", "")),
        zipkin=zipkin is not None,
        service=str(given.get("service") or ""),
        port=int(given.get("port") or 0),
        path=str(given.get("path") or (given.get("http") or {}).get("path") or ""),
        timeout=parse_duration(str(given.get("timeout") or way.get("timeout") or "10s")),
        headers=tuple((str(header.get("name", "")), str(header.get("value") or "")) for header in headers),
        max_tag_length=int(given.get("maxTagLength") or 0),
        w3c=given.get("traceContextOption") == "USE_B3_WITH_W3C_PROPAGATION",
    )


def _proxy_tracing(tracing: dict[str, Any]) -> dict[str, Any]:
    """What `defaultConfig.tracing` says for all proxies."""
    given: dict[str, Any] = {}
    if tracing.get("sampling") is not None:
        given["tracing_sampling"] = float(tracing["sampling"])
    if tracing.get("maxPathTagLength"):
        given["max_path_tag_length"] = int(tracing["maxPathTagLength"])
    if tracing.get("enableIstioTags") is False:
        given["tracing_istio_tags"] = False
    given["tracing_tags"] = tuple(
        tag for name, custom in sorted((tracing.get("customTags") or {}).items()) if (tag := custom_tag(name, custom))
    )
    return given


def custom_tag(name: str, custom: dict[str, Any]) -> TracingTag | None:
    """One entry of `customTags`, as JSON; None for one that says nothing."""
    if (literal := custom.get("literal")) is not None:
        return TracingTag(name=name, kind="literal", value=str(literal.get("value") or ""))
    if (formatter := custom.get("formatter")) is not None:
        return TracingTag(name=name, kind="formatter", value=str(formatter.get("value") or ""))
    for kind in ("environment", "header"):
        if (source := custom.get(kind)) is not None:
            default = str(source.get("defaultValue") or "")
            return TracingTag(name=name, kind=kind, value=str(source.get("name") or ""), default=default)
    return None
