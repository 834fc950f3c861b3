"""HTTP routes of a VirtualService. Source: Istio's pkg/config/validation/virtualservice.go."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_gateway_names
from tejer.istiod.checks.rules.destination import (
    check_destination,
    check_empty_match,
    check_percent,
    check_string_match,
)
from tejer.kube.kinds.istio.virtual_service import (
    CorsPolicy,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPFaultInjection,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
)
from tejer.kube.resource import Body

AUTHORITY = (":authority", "host")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"))
RETRY_ON = frozenset((
    "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx",
    "refused-stream", "retriable-status-codes", "retriable-headers", "http3-post-connect-failure",
    "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
))  # fmt: skip
GRPC_STATUS = frozenset((
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
))  # fmt: skip
_STATUS_CODES = frozenset(str(int(status)) for status in HTTPStatus)
BODY_LIMIT, BODY_WARNING = 1024 * 1024, 100 * 1024


def check_http_route(route: HTTPRoute, report: Report, *, delegate: bool) -> None:
    """One HTTP route; `delegate` says that the VirtualService is one, having no hosts."""
    _check_action(route, report, delegate=delegate)
    for index, match in enumerate(route.match):
        check_http_match(match, report.at("match", index))
    check_headers(route.headers, report.at("headers"))
    check_cors(route.cors_policy, report.at("corsPolicy"))
    check_fault(route.fault, report.at("fault"))
    if route.timeout:
        add(report, texts.duration_problem(route.timeout) if texts.nanoseconds(route.timeout) != 0 else "", "timeout")
    check_retries(route.retries, report.at("retries"))
    check_rewrite(route.rewrite, report.at("rewrite"))
    check_redirect(route.redirect, route, report.at("redirect"))
    check_direct_response(route.direct_response, report.at("directResponse"))
    check_route_destinations(route.route, report.at("route"))
    if route.mirror is not None:
        check_destination(route.mirror, report.at("mirror"))
    check_percent(route.mirror_percentage, report.at("mirrorPercentage"))
    add(report, texts.percent_problem(route.mirror_percent), "mirrorPercent")
    _check_authority(route, report)
    for index, mirror in enumerate(route.mirrors):
        check_destination(mirror.destination, report.at("mirrors", index, "destination"))
        check_percent(mirror.percentage, report.at("mirrors", index, "percentage"))
    if route.mirror is not None and route.mirrors:
        report.error("a route can't have both mirror and mirrors", "mirrors")


def _check_action(route: HTTPRoute, report: Report, *, delegate: bool) -> None:
    """Exactly one of route, redirect, directResponse and delegate, and nothing beside it that it leaves unused."""
    if route.delegate is not None:
        if delegate:
            report.error("a delegate can't itself delegate", "delegate")
        for name, value in (("redirect", route.redirect), ("route", route.route)):
            if value:
                report.error(f"a route that delegates must not have {name}", name)
        for name, text in (("name", route.delegate.name), ("namespace", route.delegate.namespace)):
            if text:
                add(report, texts.label_problem(text), "delegate", name)
        return
    for name, action in (("redirect", route.redirect), ("directResponse", route.direct_response)):
        if action is None:
            continue
        others = (
            ("route", bool(route.route)),
            ("fault", route.fault is not None),
            ("rewrite", route.rewrite is not None),
        )
        for other, given in others:
            if given:
                report.error(f"a route can't have both {other} and {name}", other)
        if name == "redirect" and route.direct_response is not None:
            report.error("a route can't have both directResponse and redirect", "directResponse")
        return
    if not route.route:
        report.error("route, redirect or directResponse is required")


def _check_authority(route: HTTPRoute, report: Report) -> None:
    """The authority can be set once: by the rewrite, the route's headers or the destination's."""
    rewritten = bool(route.rewrite is not None and route.rewrite.authority)
    for headers, place in (
        (route.headers, ("headers",)),
        *((entry.headers, ("route", index, "headers")) for index, entry in enumerate(route.route)),
    ):
        request = headers.request if headers is not None else None
        names = [*request.set, *request.add] if request is not None else []
        if sum(name.lower() in AUTHORITY for name in names) + rewritten > 1:
            report.error("authority header cannot be set multiple times", *place)


def check_http_match(match: HTTPMatchRequest, report: Report) -> None:
    for name, matches in (
        ("headers", match.headers), ("withoutHeaders", match.without_headers), ("queryParams", match.query_params),
    ):  # fmt: skip
        for key, value in matches.items():
            if name != "queryParams":
                add(report, texts.header_or_claim_problem(key), name, key)
            if value.regex != "*":  # means presence, though it is no regular expression
                check_string_match(value, report.at(name, key))
    for name, one in (
        ("uri", match.uri), ("scheme", match.scheme), ("method", match.method), ("authority", match.authority),
    ):  # fmt: skip
        check_string_match(one, report.at(name))
    if match.port is not None:
        add(report, texts.port_problem(match.port), "port")
    add(report, texts.labels_problem(match.source_labels), "sourceLabels")
    check_gateway_names(match.gateways, report.at("gateways"))
    if match.source_namespace:
        add(report, texts.label_problem(match.source_namespace), "sourceNamespace")


def check_raw_match(raw: Body, report: Report) -> None:
    """What only the raw match shows: empty prefixes and regular expressions."""
    for name in ("scheme", "method", "authority"):
        check_empty_match(raw.get(name), report.at(name))
    check_empty_match(raw.get("uri"), report.at("uri"), prefix_allowed=True)
    for name in ("headers", "withoutHeaders", "queryParams"):
        for key, value in (raw.get(name) or {}).items():
            check_empty_match(value, report.at(name, key))


def check_route_destinations(routes: tuple[HTTPRouteDestination, ...], report: Report) -> None:
    for index, route in enumerate(routes):
        check_destination(route.destination, report.at(index, "destination"))
        check_headers(route.headers, report.at(index, "headers"))
        if (route.weight or 0) < 0:
            report.error(f"a weight can't be negative: {route.weight}", index, "weight")
    if len(routes) > 1 and sum(route.weight or 0 for route in routes) == 0:
        report.error("the weights of several destinations must not all be 0")


def check_headers(headers: Headers | None, report: Report) -> None:
    for name in ("request", "response"):
        operations: HeaderOperations | None = getattr(headers, name, None)
        if operations is None:
            continue
        inner = report.at(name)
        _check_header_values(operations.set, inner.at("set"))
        _check_header_values(operations.add, inner.at("add"))
        for index, header in enumerate(operations.remove):
            add(inner, texts.header_name_problem(header), "remove", index)


def _check_header_values(headers: Mapping[str, str], report: Report) -> None:
    for name, value in headers.items():
        add(report, "" if name == ":authority" else texts.header_name_problem(name), name)
        add(report, texts.header_value_problem(value), name)


def check_cors(policy: CorsPolicy | None, report: Report) -> None:
    if policy is None:
        return
    for index, origin in enumerate(policy.allow_origins):
        check_string_match(origin, report.at("allowOrigins", index))
    for index, method in enumerate(policy.allow_methods):
        if method not in METHODS:
            report.error(f"{method!r} is not an HTTP method", "allowMethods", index)
    for name, headers in (("allowHeaders", policy.allow_headers), ("exposeHeaders", policy.expose_headers)):
        for index, header in enumerate(headers):
            add(report, "" if header == "*" else texts.header_name_problem(header), name, index)
    if policy.max_age:
        problem = texts.duration_problem(policy.max_age)
        if not problem and (texts.nanoseconds(policy.max_age) or 0) % 10**9:
            problem = f"{policy.max_age!r}: maxAge has a precision of seconds"
        add(report, problem, "maxAge")


def check_fault(fault: HTTPFaultInjection | None, report: Report) -> None:
    if fault is None:
        return
    abort, delay = fault.abort, fault.delay
    if abort is None and delay is None:
        report.error("a fault must have an abort or a delay")
    if abort is not None:
        check_percent(abort.percentage, report.at("abort", "percentage"))
        if abort.http_status is not None:
            add(report, _status_problem(abort.http_status), "abort", "httpStatus")
        if abort.grpc_status and abort.grpc_status not in GRPC_STATUS:
            report.error(f"{abort.grpc_status!r} is not a gRPC status", "abort", "grpcStatus")
        if abort.http2_error:
            report.error("http2Error is not supported by Istio", "abort", "http2Error")
    if delay is not None:
        add(report, texts.percent_problem(delay.percent), "delay", "percent")
        check_percent(delay.percentage, report.at("delay", "percentage"))
        if delay.fixed_delay:
            add(report, texts.duration_problem(delay.fixed_delay), "delay", "fixedDelay")
        if delay.exponential_delay:
            report.error("exponentialDelay is not supported by Istio", "delay", "exponentialDelay")


def check_retries(retries: HTTPRetry | None, report: Report) -> None:
    if retries is None:
        return
    attempts = retries.attempts or 0
    if attempts < 0:
        report.error(f"attempts can't be negative: {attempts}", "attempts")
    if attempts == 0 and (
        retries.per_try_timeout or retries.retry_on or retries.retry_remote_localities is not None or retries.backoff
    ):
        report.error("retries are configured, but attempts is 0, which turns them off", "attempts")
    for name, text in (("perTryTimeout", retries.per_try_timeout), ("backoff", retries.backoff)):
        if text:
            add(report, texts.duration_problem(text), name)
    for condition in retries.retry_on.split(",") if retries.retry_on else ():
        if condition not in RETRY_ON and condition not in _STATUS_CODES:
            report.error(f"{condition!r} is not a valid retryOn policy", "retryOn")


def check_rewrite(rewrite: HTTPRewrite | None, report: Report) -> None:
    if rewrite is None:
        return
    regex = rewrite.uri_regex_rewrite
    if not (rewrite.uri or rewrite.authority or regex):
        report.error("rewrite must have uri, uriRegexRewrite or authority")
    if rewrite.uri and regex:
        report.error("rewrite can't have both uri and uriRegexRewrite", "uriRegexRewrite")
    if regex is not None:
        if not regex.match or not regex.rewrite:
            report.error("uriRegexRewrite must have both match and rewrite", "uriRegexRewrite")
        if regex.match:
            add(report, texts.regex_problem(regex.match), "uriRegexRewrite", "match")


def check_redirect(redirect: HTTPRedirect | None, route: HTTPRoute, report: Report) -> None:
    if redirect is None:
        return
    if not (redirect.uri or redirect.authority or redirect.scheme or redirect.prefix_rewrite or redirect.derive_port
            or redirect.port):  # fmt: skip
        report.error("redirect must have a uri, authority, scheme, port or prefixRewrite")
    if redirect.redirect_code and not 300 <= redirect.redirect_code <= 399:
        report.error(f"redirect code {redirect.redirect_code} is not in 300-399", "redirectCode")
    if redirect.scheme and redirect.scheme not in ("http", "https"):
        report.error(f"scheme {redirect.scheme!r} is neither http nor https", "scheme")
    if redirect.prefix_rewrite:
        if redirect.uri:
            report.error("redirect can't have both uri and prefixRewrite", "prefixRewrite")
        if any(match.uri is not None and (match.uri.exact or match.uri.regex) for match in route.match):
            report.error("prefixRewrite needs a prefix match of the uri", "prefixRewrite")


def check_direct_response(response: HTTPDirectResponse | None, report: Report) -> None:
    if response is None:
        return
    add(report, _status_problem(response.status or 0), "status")
    size = len((response.body.string or response.body.bytes).encode()) if response.body is not None else 0
    if size > BODY_LIMIT:
        report.error(f"a body of {size} bytes is more than the {BODY_LIMIT} allowed", "body")
    elif size > BODY_WARNING:
        report.warning(f"a body of {size} bytes is sent to every proxy", "body")


def _status_problem(status: int) -> str:
    return "" if 200 <= status <= 599 else f"HTTP status {status} is not in 200-599"
