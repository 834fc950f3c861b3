"""The panels that service and workload dashboards share: traffic of one side, split by who is at the other end."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.dashboards.expressions import DURATION, QUANTILES, per, quantile, rate, requests, success
from scripts.dashboards.parts import Panel, Query, lines, stat

SIZES = (("request", "istio_request_bytes"), ("response", "istio_response_bytes"))
_CALCS = ("lastNotNull", "max")


def summary(selector: str, whose: str) -> list[Panel]:
    """Numbers of all the traffic that `selector` selects; `whose` says who measured it."""
    return [
        stat(f"Requests, {whose}", requests(selector), "reqps", width=6),
        stat(f"Success rate, {whose}", success(selector), "percentunit", width=6, decimals=2, base="red",
             steps=[(0.95, "orange"), (0.99, "green")]),
        lines(f"Request duration, {whose}", "ms",
              [Query(quantile(q, DURATION, selector), f"p{q * 100:g}") for q in QUANTILES], width=6, height=4),
        lines(f"TCP, {whose}", "Bps", [
            Query(per("", rate("istio_tcp_sent_bytes_total", selector)), "sent to client"),
            Query(per("", rate("istio_tcp_received_bytes_total", selector)), "received from client"),
        ], width=6, height=4),
    ]  # fmt: skip


def by(selector: str, labels: str, legend: str, what: str, *, secured: bool) -> list[Panel]:
    """Panels by the other end, which `what` names in titles and `legend` in Grafana's notation for lines.

    `secured` shows whether requests came by mutual TLS, which only the server's side knows.
    """
    return [
        lines(f"Requests by {what} and response code", "reqps", [
            Query(requests(selector, f"{labels}, response_code{', connection_security_policy' if secured else ''}"),
                  legend + " {{response_code}}" + (" {{connection_security_policy}}" if secured else "")),
        ], width=12, stacked=True),
        lines(f"Success rate by {what}", "percentunit", [Query(success(selector, labels), legend)], width=12, most=1),
        lines(f"Request duration by {what}", "ms",
              [Query(quantile(q, DURATION, selector, labels), f"{legend} p{q * 100:g}") for q in QUANTILES]),
        *(_size(kind, metric, selector, labels, legend, what) for kind, metric in SIZES),
        lines(f"TCP sent to client by {what}", "Bps",
              [Query(per(labels, rate("istio_tcp_sent_bytes_total", selector)), legend)], width=12, height=5),
        lines(f"TCP received from client by {what}", "Bps",
              [Query(per(labels, rate("istio_tcp_received_bytes_total", selector)), legend)], width=12,
              height=5),
    ]  # fmt: skip


def components(width: int) -> Panel:
    """What is installed, in which version."""
    return lines("Components by version", "short", [
        Query("sum by (component, tag) (istio_build)", "{{component}} {{tag}}"),
        Query("sum by (version) (pilot_info)", "istiod {{version}}"),
    ], width=width)  # fmt: skip


def _size(kind: str, metric: str, selector: str, labels: str, legend: str, what: str) -> Panel:
    queries: Sequence[Query] = [
        Query(quantile(q, metric, selector, labels), f"{legend} p{q * 100:g}") for q in QUANTILES
    ]
    return lines(f"Size of {kind}s by {what}", "decbytes", queries)
