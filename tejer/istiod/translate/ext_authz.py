"""External authorization for CUSTOM policies. Source: authz/builder/extauthz.go, `istio.md` A21."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.envoy.proto import (
    ExtAuthz,
    ExtAuthzBufferSettings,
    ExtAuthzHttpService,
    GrpcService,
    HeaderValue,
    HttpFilter,
    HttpStatus,
    HttpUri,
    ListStringMatcher,
    MetadataMatcher,
    NetworkExtAuthz,
    NetworkFilter,
    StringMatcher,
    ValueMatcher,
    pack,
    seconds,
)
from tejer.istiod.model.hosts import resolve
from tejer.istiod.model.settings import ExtAuthzProvider
from tejer.istiod.translate import names

PREFIX = "istio_ext_authz_"
_SHADOW_POLICY_ID = f"{PREFIX}shadow_effective_policy_id"


def _host(provider: ExtAuthzProvider, domain: str) -> str:
    """`namespace/service.host`, `service.namespace.svc.domain`, or any host of the registry."""
    namespace, slash, host = provider.service.rpartition("/")
    return resolve(host, namespace, domain) if slash else host


def _cluster(provider: ExtAuthzProvider, domain: str) -> str:
    return names.outbound_cluster(provider.port, "", _host(provider, domain))


def _enabled_for(provider: ExtAuthzProvider, filter_name: str) -> MetadataMatcher:
    """Asked only where a shadow rule of this provider has matched."""
    return MetadataMatcher(
        filter=filter_name,
        path=[MetadataMatcher.PathSegment(key=_SHADOW_POLICY_ID)],
        value=ValueMatcher(string_match=StringMatcher(prefix=f"istio-ext-authz-{provider.name}")),
    )


def _headers(values: Iterable[str]) -> ListStringMatcher | None:
    patterns = []
    for value in values:
        if value.startswith("*"):
            patterns.append(StringMatcher(suffix=value[1:], ignore_case=True))
        elif value.endswith("*"):
            patterns.append(StringMatcher(prefix=value[:-1], ignore_case=True))
        else:
            patterns.append(StringMatcher(exact=value, ignore_case=True))
    return ListStringMatcher(patterns=patterns) if patterns else None


def _grpc(provider: ExtAuthzProvider, domain: str) -> GrpcService:
    envoy = GrpcService.EnvoyGrpc(cluster_name=_cluster(provider, domain), authority=_host(provider, domain))
    return GrpcService(envoy_grpc=envoy, timeout=seconds(provider.timeout))


def http_filter(provider: ExtAuthzProvider, domain: str) -> HttpFilter:
    config = ExtAuthz(
        failure_mode_allow=provider.fail_open,
        transport_api_version="V3",
        filter_enabled_metadata=_enabled_for(provider, "envoy.filters.http.rbac"),
        clear_route_cache=provider.clear_route_cache,
        status_on_error=HttpStatus(code=int(provider.status_on_error or 403)),
    )
    if provider.max_request_bytes:
        config.with_request_body.CopyFrom(
            ExtAuthzBufferSettings(
                max_request_bytes=provider.max_request_bytes,
                allow_partial_message=provider.allow_partial_body,
                pack_as_bytes=provider.pack_as_bytes,
            )
        )
    if provider.grpc:
        config.grpc_service.CopyFrom(_grpc(provider, domain))
    else:
        config.http_service.CopyFrom(_http(provider, domain))
        if (allowed := _headers(provider.request_headers)) is not None:
            config.allowed_headers.CopyFrom(allowed)
    return HttpFilter(name="envoy.filters.http.ext_authz", typed_config=pack(config))


def _http(provider: ExtAuthzProvider, domain: str) -> ExtAuthzHttpService:
    service = ExtAuthzHttpService(
        path_prefix=provider.path_prefix,
        server_uri=HttpUri(
            uri=f"http://{_host(provider, domain)}",
            cluster=_cluster(provider, domain),
            timeout=seconds(provider.timeout),
        ),
    )
    for name in sorted(provider.additional_headers):
        service.authorization_request.headers_to_add.append(
            HeaderValue(key=name, value=provider.additional_headers[name])
        )
    answer = service.authorization_response
    if (found := _headers(provider.headers_to_upstream)) is not None:
        answer.allowed_upstream_headers.CopyFrom(found)
    if (found := _headers(provider.headers_to_downstream_on_deny)) is not None:
        answer.allowed_client_headers.CopyFrom(found)
    if (found := _headers(provider.headers_to_downstream_on_allow)) is not None:
        answer.allowed_client_headers_on_success.CopyFrom(found)
    return service


def network_filter(provider: ExtAuthzProvider, domain: str) -> NetworkFilter:
    config = NetworkExtAuthz(
        stat_prefix="tcp.",
        grpc_service=_grpc(provider, domain),
        failure_mode_allow=provider.fail_open,
        transport_api_version="V3",
        filter_enabled_metadata=_enabled_for(provider, "envoy.filters.network.rbac"),
    )
    return NetworkFilter(name="envoy.filters.network.ext_authz", typed_config=pack(config))
