"""Retry policies of outbound routes. Source: core/route/retry/retry.go, `istio.md` V12, V13, V15."""

from __future__ import annotations

from tejer.envoy.proto import PreviousHostsPredicate, PreviousPrioritiesConfig, RouteRetryPolicy, pack, seconds, u32
from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import HTTPRetry

DEFAULT_ATTEMPTS = 2
DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
HOST_SELECTION_ATTEMPTS = 5


def retry_policy(given: HTTPRetry | None, mesh_default: HTTPRetry | None, *, hashed: bool) -> RouteRetryPolicy | None:
    """The policy of a route; None when retries are switched off (0 attempts).

    `given` is the route's own block: what it leaves out is Istio's default, not the mesh's. `hashed`: with consistent
    hashing a retry goes to the same host, so previous hosts are not avoided.
    """
    chosen = given or mesh_default
    attempts = DEFAULT_ATTEMPTS if chosen is None or chosen.attempts is None else chosen.attempts
    if chosen is not None and attempts <= 0:
        return None
    policy = RouteRetryPolicy(num_retries=u32(attempts), retry_on=DEFAULT_RETRY_ON)
    avoid = (
        not hashed
        if chosen is None or chosen.retry_ignore_previous_hosts is None
        else bool(chosen.retry_ignore_previous_hosts)
    )
    if avoid:
        policy.retry_host_predicate.append(
            RouteRetryPolicy.RetryHostPredicate(
                name="envoy.retry_host_predicates.previous_hosts", typed_config=pack(PreviousHostsPredicate())
            )
        )
        policy.host_selection_retry_max_attempts = HOST_SELECTION_ATTEMPTS
    if chosen is not None:
        _apply(policy, chosen)
    return policy


def _apply(policy: RouteRetryPolicy, chosen: HTTPRetry) -> None:
    if chosen.retry_on:
        policy.retry_on, codes = parse_retry_on(chosen.retry_on)
        policy.retriable_status_codes.extend(codes)
    if chosen.per_try_timeout:
        policy.per_try_timeout.CopyFrom(seconds(parse_duration(chosen.per_try_timeout)))
    if chosen.backoff:
        policy.retry_back_off.base_interval.CopyFrom(seconds(parse_duration(chosen.backoff)))
    if chosen.retry_remote_localities:
        policy.retry_priority.CopyFrom(
            RouteRetryPolicy.RetryPriority(
                name="envoy.retry_priorities.previous_priorities",
                typed_config=pack(PreviousPrioritiesConfig(update_frequency=2)),
            )
        )


def parse_retry_on(text: str) -> tuple[str, list[int]]:
    """`503,connect-failure` -> `("connect-failure,retriable-status-codes", [503])`."""
    conditions: list[str] = []
    codes: list[int] = []
    for part in (part.strip() for part in text.split(",")):
        if part.isdigit():
            codes.append(int(part))
        elif part and part not in conditions:
            conditions.append(part)
    if codes and "retriable-status-codes" not in conditions:
        conditions.append("retriable-status-codes")
    return ",".join(conditions), codes
