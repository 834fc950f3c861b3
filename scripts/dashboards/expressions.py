"""The PromQL that several dashboards share, over Istio's standard metrics."""

from __future__ import annotations

RATE = "$__rate_interval"
QUANTILES = (0.5, 0.9, 0.99)
CLIENT = 'reporter=~"source|waypoint"'
"""Each request once: counted by who sent it."""


def rate(metric: str, selector: str) -> str:
    return f"rate({metric}{{{selector}}}[{RATE}])"


def per(labels: str, expr: str) -> str:
    return f"sum by ({labels}) ({expr})" if labels else f"sum({expr})"


def requests(selector: str, by: str = "") -> str:
    return per(by, rate("istio_requests_total", selector))


def success(selector: str, by: str = "") -> str:
    """The share of requests that didn't end in a server's error, 0 to 1; no value without requests."""
    good = requests(f'{selector}, response_code!~"5.*"', by)
    return f"{good} / {requests(selector, by)}"


def quantile(q: float, metric: str, selector: str, by: str = "") -> str:
    """Of a histogram such as istio_request_duration_milliseconds."""
    buckets = per(f"le, {by}" if by else "le", rate(f"{metric}_bucket", selector))
    return f"histogram_quantile({q:g}, {buckets})"


DURATION = "istio_request_duration_milliseconds"
