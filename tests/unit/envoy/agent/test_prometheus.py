"""Merged metrics: Istio's names, no empty labels, the application's text last."""

from __future__ import annotations

from tejer.envoy.agent.prometheus import agent_metrics, merge, rename_istio_metrics

ENVOY = b"""\
# TYPE envoy_istio_requests_total counter
envoy_istio_requests_total{reporter="source",source_app="",grpc_response_status="",response_code="200"} 4
# TYPE envoy_cluster_upstream_cx_total counter
envoy_cluster_upstream_cx_total{cluster_name=""} 1
# TYPE envoy_istio_request_bytes histogram
envoy_istio_request_bytes_bucket{reporter="source",le="0.5"} 0
"""

RENAMED = b"""\
# TYPE istio_requests_total counter
istio_requests_total{reporter="source",source_app="unknown",grpc_response_status="",response_code="200"} 4
# TYPE envoy_cluster_upstream_cx_total counter
envoy_cluster_upstream_cx_total{cluster_name=""} 1
# TYPE istio_request_bytes histogram
istio_request_bytes_bucket{reporter="source",le="0.5"} 0
"""


def test_names_and_unknown() -> None:
    assert rename_istio_metrics(ENVOY) == RENAMED


def test_quotes_inside_values_are_not_mistaken() -> None:
    line = rb'envoy_istio_requests_total{path="a=\"\"b",x="1"} 1' + b"\n"
    assert rename_istio_metrics(line) == line.removeprefix(b"envoy_")


def test_merge_puts_the_application_last_and_takes_end_marks_out() -> None:
    application = b"# TYPE app_total counter\napp_total 1\n# EOF\n"
    text = merge(b"agent 1\n", ENVOY, application)
    assert text == b"agent 1\n" + RENAMED + b"# TYPE app_total counter\napp_total 1\n"
    assert merge(b"", b"x 1", b"") == b"x 1\n"


def test_the_agents_own() -> None:
    text = agent_metrics(certificate_expiry=17.4, scrapes=2, scrape_failures=1, started=5)
    assert b'istio_agent_cert_expiry_seconds{resource_name="default"} 17\n' in text
    assert b"istio_agent_scrapes_total 2\n" in text
