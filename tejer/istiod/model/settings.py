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
    """An envoyFileAccessLog provider. `labels` are JSON fields; then `text` is not used."""

    name: str
    path: str = "/dev/stdout"
    text: str = ""
    labels: dict[str, str] = {}


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
    defaults = (mesh.get("defaultProviders") or {}).get("accessLogging") or ()
    given["default_log_providers"] = tuple(str(name) for name in defaults)
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
    if (given := provider.get("envoyFileAccessLog")) is None:
        return None
    log_format = given.get("logFormat") or {}
    return LogProvider(
        name=str(provider.get("name", "")),
        path=str(given.get("path") or "/dev/stdout"),
        text=str(log_format.get("text") or ""),
        labels={str(k): str(v) for k, v in (log_format.get("labels") or {}).items()},
    )
