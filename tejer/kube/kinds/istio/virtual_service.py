"""VirtualService: how requests to a host are routed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import DURATION, INT32, NULLABLE, UINT32, UINT32_OR_NULL, enum, message, schema
from tejer.kube.kinds.meta import ObjectMeta


class PortSelector(Kind, frozen=True, kw_only=True):
    """A port by number."""

    number: Annotated[int | None, UINT32] = None


class Destination(Kind, frozen=True, kw_only=True):
    """A host of the registry, optionally one subset and port of it."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("host",))

    host: str = ""
    port: PortSelector | None = None
    subset: str = ""


class StringMatch(Kind, frozen=True, kw_only=True):
    """A string equal to `exact`, beginning with `prefix` or matching the RE2 `regex` entirely."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("exact", "prefix", "regex"),))

    exact: str = ""
    prefix: str = ""
    regex: str = ""


class CorsPolicy(Kind, frozen=True, kw_only=True):
    """Answers to cross-origin requests."""

    allow_credentials: Annotated[bool | None, NULLABLE] = None
    allow_headers: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: Annotated[str, DURATION] = ""
    unmatched_preflights: Annotated[str, enum("UNSPECIFIED", "FORWARD", "IGNORE")] = ""


class Delegate(Kind, frozen=True, kw_only=True):
    """The VirtualService that holds the routes."""

    name: str = ""
    namespace: str = ""


class HTTPBody(Kind, frozen=True, kw_only=True):
    """Body of a direct response."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("string", "bytes"),))

    bytes: Annotated[str, schema(format="byte")] = ""
    string: str = ""


class HTTPDirectResponse(Kind, frozen=True, kw_only=True):
    """An answer given by the proxy itself."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("status",))

    body: HTTPBody | None = None
    status: Annotated[int | None, UINT32] = None


class Percent(Kind, frozen=True, kw_only=True):
    """A share of requests, 0 to 100."""

    value: Annotated[float | None, schema(format="double")] = None


class Abort(Kind, frozen=True, kw_only=True):
    """Requests answered with an error."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("httpStatus", "grpcStatus", "http2Error"),))

    grpc_status: str = ""
    http2_error: str = ""
    http_status: Annotated[int | None, INT32] = None
    percentage: Percent | None = None


class Delay(Kind, frozen=True, kw_only=True):
    """Requests delayed."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("fixedDelay", "exponentialDelay"),))

    exponential_delay: Annotated[str, DURATION] = ""
    fixed_delay: Annotated[str, DURATION] = ""
    percent: Annotated[int | None, INT32] = None
    percentage: Percent | None = None


class HTTPFaultInjection(Kind, frozen=True, kw_only=True):
    """Faults injected before the request is sent on."""

    abort: Abort | None = None
    delay: Delay | None = None


class HeaderOperations(Kind, frozen=True, kw_only=True):
    """Headers set, added or removed."""

    add: dict[str, str] = msgspec.field(default_factory=dict)
    remove: tuple[str, ...] = ()
    set: dict[str, str] = msgspec.field(default_factory=dict)


class Headers(Kind, frozen=True, kw_only=True):
    """Changes to the headers of request and response."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class HTTPMatchRequest(Kind, frozen=True, kw_only=True):
    """Requests that satisfy all of these conditions."""

    authority: StringMatch | None = None
    gateways: tuple[str, ...] = ()
    headers: dict[str, StringMatch] = msgspec.field(default_factory=dict)
    ignore_uri_case: bool | None = None
    method: StringMatch | None = None
    name: str = ""
    port: Annotated[int | None, UINT32] = None
    query_params: dict[str, StringMatch] = msgspec.field(default_factory=dict)
    scheme: StringMatch | None = None
    source_labels: dict[str, str] = msgspec.field(default_factory=dict)
    source_namespace: str = ""
    stat_prefix: str = ""
    uri: StringMatch | None = None
    without_headers: dict[str, StringMatch] = msgspec.field(default_factory=dict)


class HTTPMirrorPolicy(Kind, frozen=True, kw_only=True):
    """A destination that gets copies of requests; its answers are dropped."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("destination",))

    destination: Destination | None = None
    percentage: Percent | None = None


class HTTPRedirect(Kind, frozen=True, kw_only=True):
    """A redirect given by the proxy."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("port", "derivePort"),))

    authority: str = ""
    derive_port: Annotated[str, enum("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")] = ""
    port: Annotated[int | None, UINT32] = None
    prefix_rewrite: str = ""
    redirect_code: Annotated[int | None, UINT32] = None
    scheme: str = ""
    uri: str = ""


class HTTPRetry(Kind, frozen=True, kw_only=True):
    """When and how often a failed request is sent again."""

    attempts: Annotated[int | None, INT32] = None
    backoff: Annotated[str, DURATION] = ""
    per_try_timeout: Annotated[str, DURATION] = ""
    retry_ignore_previous_hosts: Annotated[bool | None, NULLABLE] = None
    retry_on: str = ""
    retry_remote_localities: Annotated[bool | None, NULLABLE] = None


class RegexRewrite(Kind, frozen=True, kw_only=True):
    """A rewrite of the path by a regular expression."""

    match: str = ""
    rewrite: str = ""


class HTTPRewrite(Kind, frozen=True, kw_only=True):
    """Changes of path and authority before the request is sent on."""

    authority: str = ""
    uri: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


class HTTPRouteDestination(Kind, frozen=True, kw_only=True):
    """A destination and its share of the traffic."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("destination",))

    destination: Destination | None = None
    headers: Headers | None = None
    weight: Annotated[int | None, INT32] = None


class HTTPRoute(Kind, frozen=True, kw_only=True):
    """Which requests it takes and what happens to them."""

    cors_policy: CorsPolicy | None = None
    delegate: Delegate | None = None
    direct_response: HTTPDirectResponse | None = None
    fault: HTTPFaultInjection | None = None
    headers: Headers | None = None
    match: tuple[HTTPMatchRequest, ...] = ()
    mirror: Destination | None = None
    mirror_percent_alias: Annotated[int | None, UINT32_OR_NULL] = msgspec.field(default=None, name="mirror_percent")
    mirror_percent: Annotated[int | None, UINT32_OR_NULL] = None
    mirror_percentage: Percent | None = None
    mirrors: tuple[HTTPMirrorPolicy, ...] = ()
    name: str = ""
    redirect: HTTPRedirect | None = None
    retries: HTTPRetry | None = None
    rewrite: HTTPRewrite | None = None
    route: tuple[HTTPRouteDestination, ...] = ()
    timeout: Annotated[str, DURATION] = ""


class L4MatchAttributes(Kind, frozen=True, kw_only=True):
    """Connections that satisfy all of these conditions."""

    destination_subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    port: Annotated[int | None, UINT32] = None
    source_labels: dict[str, str] = msgspec.field(default_factory=dict)
    source_namespace: str = ""
    source_subnet: str = ""


class RouteDestination(Kind, frozen=True, kw_only=True):
    """A destination and its share of the connections."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("destination",))

    destination: Destination | None = None
    weight: Annotated[int | None, INT32] = None


class TCPRoute(Kind, frozen=True, kw_only=True):
    """Which connections it takes and where they go."""

    match: tuple[L4MatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class TLSMatchAttributes(Kind, frozen=True, kw_only=True):
    """TLS connections that satisfy all of these conditions."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("sniHosts",))

    destination_subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    port: Annotated[int | None, UINT32] = None
    sni_hosts: tuple[str, ...] = ()
    source_labels: dict[str, str] = msgspec.field(default_factory=dict)
    source_namespace: str = ""


class TLSRoute(Kind, frozen=True, kw_only=True):
    """Which TLS connections it takes, by SNI, and where they go."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("match",))

    match: tuple[TLSMatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class VirtualServiceSpec(Kind, frozen=True, kw_only=True):
    """Hosts and the routes for them, in order."""

    export_to: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    http: tuple[HTTPRoute, ...] = ()
    tcp: tuple[TCPRoute, ...] = ()
    tls: tuple[TLSRoute, ...] = ()


class VirtualService(Kind, frozen=True, kw_only=True):
    """How requests to a host are routed."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: VirtualServiceSpec = VirtualServiceSpec()
    status: IstioStatus = IstioStatus()
