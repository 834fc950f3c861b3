"""A VirtualService's HTTP routes as Envoy's. Source: core/route/route.go, `istio.md` V2-V20, V24, V29, V31."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import msgspec

from tejer.envoy.proto import (
    DataSource,
    DirectResponseAction,
    FractionalPercent,
    RedirectAction,
    RegexMatchAndSubstitute,
    RegexMatcher,
    Route,
    RouteAction,
    RouteMatch,
    RuntimeFractionalPercent,
    WeightedCluster,
    boolean,
    pack,
    seconds,
    u32,
)
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.model.virtualservice import MESH, VirtualService, source_matches
from tejer.istiod.translate import filters, names, route_filters
from tejer.istiod.translate.destinations import Destinations, hash_policies, speaks_callers_protocol
from tejer.istiod.translate.headers import HeaderChanges, host_rewrite
from tejer.istiod.translate.metadata import config_metadata
from tejer.istiod.translate.retry import retry_policy
from tejer.istiod.translate.route_match import is_catch_all, route_match
from tejer.istiod.translate.routes import decorator, grpc_limit
from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import (
    Destination,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    Percent,
)


class RouteScope(msgspec.Struct, frozen=True, kw_only=True):
    """What routes may read besides their VirtualService: who calls, through which gateways, on which port."""

    namespace: str
    labels: dict[str, str]
    mesh: MeshSettings
    destinations: Destinations
    port: int
    gateways: tuple[str, ...] = (MESH,)
    tls: bool = False

    @property
    def on_gateway(self) -> bool:
        return self.gateways != (MESH,)


def service_routes(scope: RouteScope, config: VirtualService) -> list[Route]:
    """The routes in order. On a sidecar a catch-all ends them; a gateway sorts it to the end after merging."""
    made: list[Route] = []
    for http in config.spec.http:
        if not http.match:
            made.append(_route(scope, config, http, None))
        for match in http.match:
            if not _fits(scope, match):
                continue
            made.append(_route(scope, config, http, match))
            if is_catch_all(made[-1].match) and not scope.on_gateway:
                return made
        if made and is_catch_all(made[-1].match) and not scope.on_gateway:
            return made
    return made


def default_route(scope: RouteScope, host: str, port: int) -> Route:
    """The route of a service without a VirtualService."""
    to = Destination(host=host)
    cluster = names.outbound_cluster(port, "", host)
    view = scope.destinations.of(host)
    route = Route(name="default", match=RouteMatch(prefix="/"), decorator=decorator(host, port))
    hashes = hash_policies(view, "", port)
    action = RouteAction(cluster=cluster, timeout=seconds(0), max_stream_duration=grpc_limit(0), hash_policy=hashes)
    policy = retry_policy(None, scope.mesh.retries, hashed=bool(hashes))
    if policy is not None:
        action.retry_policy.CopyFrom(policy)
    route.route.CopyFrom(action)
    if speaks_callers_protocol(view, to.subset, port):
        route.typed_per_filter_config[filters.ALPN_FILTER].CopyFrom(pack(filters.alpn_override()))
    return route


def _fits(scope: RouteScope, match: HTTPMatchRequest) -> bool:
    if match.port and match.port != scope.port:
        return False
    return any(source_matches(match, gateway, scope.namespace, scope.labels) for gateway in scope.gateways)


def _route(scope: RouteScope, config: VirtualService, http: HTTPRoute, match: HTTPMatchRequest | None) -> Route:
    name = ".".join(part for part in (http.name, match.name if match else "") if part)
    changes = HeaderChanges(http.headers)
    route = Route(
        name=name,
        match=route_match(match),
        metadata=config_metadata(config.path),
        request_headers_to_add=changes.request_add,
        request_headers_to_remove=changes.request_remove,
        response_headers_to_add=changes.response_add,
        response_headers_to_remove=changes.response_remove,
        stat_prefix=match.stat_prefix if match else None,
    )
    if http.redirect is not None:
        route.redirect.CopyFrom(_redirect(http.redirect, scope))
    elif http.direct_response is not None:
        route.direct_response.CopyFrom(_direct_response(http))
    else:
        _forward(route, scope, http)
    route_filters.apply(route, http)
    return route


def _forward(route: Route, scope: RouteScope, http: HTTPRoute) -> None:
    if not http.route:
        raise ValueError("an HTTP route has neither route, redirect nor directResponse")
    timeout = parse_duration(http.timeout)
    action = RouteAction(timeout=seconds(timeout))
    if not timeout:
        action.max_stream_duration.CopyFrom(grpc_limit(0))  # beside it, Envoy ignores `timeout`
    _rewrite(action, http)
    action.request_mirror_policies.extend(_mirrors(scope, http))
    destinations = [to for to in http.route if len(http.route) == 1 or to.weight]
    if not destinations:
        raise ValueError("the weights of an HTTP route add up to 0")
    for to in destinations:
        if to.destination is None or not to.destination.host:
            raise ValueError("a destination of an HTTP route has no host")
        port = scope.destinations.port(to.destination, scope.port)
        view = scope.destinations.of(to.destination.host)
        for policy in hash_policies(view, to.destination.subset, port):
            if policy not in action.hash_policy:
                action.hash_policy.append(policy)
    retries = retry_policy(http.retries, scope.mesh.retries, hashed=bool(action.hash_policy))
    if retries is not None:
        action.retry_policy.CopyFrom(retries)
    if len(destinations) == 1:
        _single(route, action, scope, destinations[0])
    else:
        weights = [_weight(scope, to) for to in destinations]
        action.weighted_clusters.CopyFrom(WeightedCluster(clusters=weights))
    route.route.CopyFrom(action)
    first = destinations[0].destination or Destination()
    shown = route.match.prefix or route.match.path or "/"
    shown = shown + "*" if route.match.prefix else shown
    route.decorator.CopyFrom(decorator(first.host, scope.destinations.port(first, scope.port), shown))


def _single(route: Route, action: RouteAction, scope: RouteScope, to: HTTPRouteDestination) -> None:
    destination = to.destination or Destination()
    port = scope.destinations.port(destination, scope.port)
    action.cluster = names.outbound_cluster(port, destination.subset, destination.host)
    changes = HeaderChanges(to.headers)
    route.request_headers_to_add.extend(changes.request_add)
    route.request_headers_to_remove.extend(changes.request_remove)
    route.response_headers_to_add.extend(changes.response_add)
    route.response_headers_to_remove.extend(changes.response_remove)
    if not action.host_rewrite_literal and (host := host_rewrite(to.headers)):
        action.host_rewrite_literal = host
    if speaks_callers_protocol(scope.destinations.of(destination.host), destination.subset, port):
        route.typed_per_filter_config[filters.ALPN_FILTER].CopyFrom(pack(filters.alpn_override()))


def _weight(scope: RouteScope, to: HTTPRouteDestination) -> WeightedCluster.ClusterWeight:
    destination = to.destination or Destination()
    port = scope.destinations.port(destination, scope.port)
    changes = HeaderChanges(to.headers)
    weight = WeightedCluster.ClusterWeight(
        name=names.outbound_cluster(port, destination.subset, destination.host),
        weight=u32(to.weight or 0),
        request_headers_to_add=changes.request_add,
        request_headers_to_remove=changes.request_remove,
        response_headers_to_add=changes.response_add,
        response_headers_to_remove=changes.response_remove,
    )
    if host := host_rewrite(to.headers):
        weight.host_rewrite_literal = host
    if speaks_callers_protocol(scope.destinations.of(destination.host), destination.subset, port):
        weight.typed_per_filter_config[filters.ALPN_FILTER].CopyFrom(pack(filters.alpn_override()))
    return weight


def _rewrite(action: RouteAction, http: HTTPRoute) -> None:
    rewrite = http.rewrite or HTTPRewrite()
    if rewrite.uri:
        action.prefix_rewrite = rewrite.uri
    elif rewrite.uri_regex_rewrite is not None:
        action.regex_rewrite.CopyFrom(
            RegexMatchAndSubstitute(
                pattern=RegexMatcher(regex=rewrite.uri_regex_rewrite.match),
                substitution=rewrite.uri_regex_rewrite.rewrite,
            )
        )
    if host := rewrite.authority or host_rewrite(http.headers):
        action.host_rewrite_literal = host


def percent(value: float) -> FractionalPercent:
    """Parts per million, so that 0.01 % is exact."""
    return FractionalPercent(numerator=round(value * 10_000), denominator="MILLION")


def _mirrors(scope: RouteScope, http: HTTPRoute) -> Iterable[RouteAction.RequestMirrorPolicy]:
    given: list[tuple[Destination, Percent | None]] = []
    if http.mirror is not None:
        share = http.mirror_percentage
        if share is None and http.mirror_percent is not None:
            share = Percent(value=float(http.mirror_percent))
        given.append((http.mirror, share))
    given += ((mirror.destination, mirror.percentage) for mirror in http.mirrors if mirror.destination)
    for destination, share in given:
        value = 100.0 if share is None else (share.value or 0.0)
        if value <= 0:
            continue
        port = scope.destinations.port(destination, scope.port)
        yield RouteAction.RequestMirrorPolicy(
            cluster=names.outbound_cluster(port, destination.subset, destination.host),
            runtime_fraction=RuntimeFractionalPercent(default_value=percent(value)),
            trace_sampled=boolean(False),
            disable_shadow_host_suffix_append=True,
        )


_REDIRECT_CODES = {
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _redirect(given: HTTPRedirect, scope: RouteScope) -> RedirectAction:
    code = given.redirect_code or 301
    if code not in _REDIRECT_CODES:
        raise ValueError(f"redirectCode {code} is not one of {', '.join(map(str, _REDIRECT_CODES))}")
    action = RedirectAction(
        host_redirect=given.authority or None, scheme_redirect=given.scheme or None, response_code=_REDIRECT_CODES[code]
    )
    if given.prefix_rewrite:
        action.prefix_rewrite = given.prefix_rewrite
    elif given.uri:
        action.path_redirect = given.uri
    if given.port:
        action.port_redirect = given.port
    elif given.derive_port == "FROM_PROTOCOL_DEFAULT":
        scheme = given.scheme or ("https" if scope.tls else "http")
        action.port_redirect = _DEFAULT_PORTS.get(scheme, 80)
    elif given.derive_port == "FROM_REQUEST_PORT":
        action.port_redirect = scope.port
    return action


def _direct_response(http: HTTPRoute) -> DirectResponseAction:
    given = http.direct_response
    if given is None or not given.status:
        raise ValueError("directResponse has no status")
    action = DirectResponseAction(status=given.status)
    if given.body and given.body.string:
        action.body.CopyFrom(DataSource(inline_string=given.body.string))
    elif given.body and given.body.bytes:
        action.body.CopyFrom(DataSource(inline_bytes=base64.b64decode(given.body.bytes)))
    return action
