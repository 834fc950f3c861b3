"""Faults and CORS: what a route says to the HTTP filters of its listener. `istio.md` V16, V17, V19."""

from __future__ import annotations

from tejer.envoy.proto import (
    CorsPolicyPerRoute,
    FaultAbort,
    FaultDelay,
    FractionalPercent,
    HTTPFault,
    Route,
    RuntimeFractionalPercent,
    StringMatcher,
    boolean,
    pack,
    seconds,
)
from tejer.istiod.translate import filters
from tejer.istiod.translate.route_match import string_matcher
from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import Abort, CorsPolicy, Delay, HTTPRoute, Percent

_GRPC_STATUS = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10,
    "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
}  # fmt: skip


def apply(route: Route, http: HTTPRoute) -> None:
    if http.fault is not None:
        fault = HTTPFault()
        if http.fault.delay is not None:
            fault.delay.CopyFrom(_delay(http.fault.delay))
        if http.fault.abort is not None:
            fault.abort.CopyFrom(_abort(http.fault.abort))
        route.typed_per_filter_config[filters.FAULT_FILTER].CopyFrom(pack(fault))
    if http.cors_policy is not None:
        route.typed_per_filter_config[filters.CORS_FILTER].CopyFrom(pack(_cors(http.cors_policy)))


def _percentage(given: Percent | None, fallback: int | None = None) -> FractionalPercent:
    """Absent means 0 %, as in Istio: a fault without a percentage never happens."""
    value = given.value or 0.0 if given is not None else float(fallback or 0)
    return FractionalPercent(numerator=round(value * 10_000), denominator="MILLION")


def _delay(given: Delay) -> FaultDelay:
    if not given.fixed_delay:
        raise ValueError("fault.delay has no fixedDelay")
    return FaultDelay(
        fixed_delay=seconds(parse_duration(given.fixed_delay)), percentage=_percentage(given.percentage, given.percent)
    )


def _abort(given: Abort) -> FaultAbort:
    made = FaultAbort(percentage=_percentage(given.percentage))
    if given.grpc_status:
        text = given.grpc_status
        status = int(text) if text.isdigit() else _GRPC_STATUS.get(text.upper())
        if status is None:
            raise ValueError(f"fault.abort.grpcStatus {text!r} is not a gRPC status")
        made.grpc_status = status
    elif given.http_status is not None:
        made.http_status = given.http_status
    else:
        raise ValueError("fault.abort has neither httpStatus nor grpcStatus")
    return made


def _cors(given: CorsPolicy) -> CorsPolicyPerRoute:
    origins = [string_matcher(origin) for origin in given.allow_origins]
    if not origins:
        origins = [StringMatcher(exact=origin) for origin in given.allow_origin]
    made = CorsPolicyPerRoute(
        allow_origin_string_match=origins,
        allow_methods=",".join(given.allow_methods),
        allow_headers=",".join(given.allow_headers),
        expose_headers=",".join(given.expose_headers),
        filter_enabled=RuntimeFractionalPercent(default_value=FractionalPercent(numerator=100)),
        forward_not_matching_preflights=boolean(given.unmatched_preflights != "IGNORE"),
    )
    if given.max_age:
        made.max_age = str(int(parse_duration(given.max_age)))
    if given.allow_credentials is not None:
        made.allow_credentials.CopyFrom(boolean(given.allow_credentials))
    return made
