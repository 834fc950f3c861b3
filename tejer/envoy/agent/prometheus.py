"""Merge what Envoy and the application expose into one Prometheus text: pure functions over bytes.

Envoy's custom statistics come out as `envoy_istio_requests_total`; their names in Istio are without the prefix. Empty
label values of the istio_* metrics become "unknown", as Istio's own filter writes them.
"""

from __future__ import annotations

import re

TEXT = "text/plain; version=0.0.4; charset=utf-8"

_ISTIO_NAME = re.compile(rb"^(# (?:TYPE|HELP) )?envoy_(?:istiocustom_)?(istio_)", re.MULTILINE)
_ISTIO_SERIES_WITH_EMPTY = re.compile(rb'^istio_[^\n]*=""[^\n]*$', re.MULTILINE)
_MAY_BE_EMPTY = re.compile(rb'(?<![a-z_])(?!grpc_response_status=)([a-z_]+)=""')
_EOF = b"# EOF"


def rename_istio_metrics(text: bytes) -> bytes:
    """`envoy_istio_requests_total` -> `istio_requests_total`, with no label empty but grpc_response_status."""
    renamed = _ISTIO_NAME.sub(rb"\1\2", text)
    return _ISTIO_SERIES_WITH_EMPTY.sub(lambda line: _MAY_BE_EMPTY.sub(rb'\1="unknown"', line[0]), renamed)


def merge(agent: bytes, envoy: bytes, application: bytes) -> bytes:
    """One exposition of the three; the application's last. OpenMetrics' end marks are taken out: text has none."""
    parts = [_without_eof(agent), _without_eof(rename_istio_metrics(envoy)), _without_eof(application)]
    return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in parts if part.strip())


def _without_eof(text: bytes) -> bytes:
    stripped = text.rstrip()
    return stripped.removesuffix(_EOF) if stripped.endswith(_EOF) else text


def agent_metrics(*, certificate_expiry: float, scrapes: int, scrape_failures: int, started: float) -> bytes:
    """The agent's own metrics, under the names of Istio's agent. Times are Unix seconds."""
    lines = [
        "# TYPE istio_agent_cert_expiry_seconds gauge",
        f'istio_agent_cert_expiry_seconds{{resource_name="default"}} {certificate_expiry:.0f}',
        "# TYPE istio_agent_scrapes_total counter",
        f"istio_agent_scrapes_total {scrapes}",
        "# TYPE istio_agent_scrape_failures_total counter",
        f'istio_agent_scrape_failures_total{{type="application"}} {scrape_failures}',
        "# TYPE istio_agent_process_start_time_seconds gauge",
        f"istio_agent_process_start_time_seconds {started:.0f}",
    ]
    return ("\n".join(lines) + "\n").encode()
