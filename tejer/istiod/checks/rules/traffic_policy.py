"""Traffic policies of a DestinationRule, and connection pools wherever they occur.

Source: Istio's pkg/config/validation/validation.go, validateTrafficPolicy and what it calls.
"""

from __future__ import annotations

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add
from tejer.istiod.checks.rules.destination import check_port_selector
from tejer.istiod.checks.rules.load_balancer import check_load_balancer
from tejer.kube.kinds.istio.destination_rule import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    HTTPSettings,
    OutlierDetection,
    PortTrafficPolicy,
    TCPSettings,
    TrafficPolicy,
    TunnelSettings,
)


def check_traffic_policy(policy: TrafficPolicy | None, report: Report) -> None:
    if policy is None:
        return
    if policy == TrafficPolicy():
        report.error("a traffic policy must have at least one field")
    check_outlier_detection(policy.outlier_detection, report.at("outlierDetection"))
    check_connection_pool(policy.connection_pool, report.at("connectionPool"))
    check_load_balancer(policy.load_balancer, policy.outlier_detection, report.at("loadBalancer"))
    check_client_tls(policy.tls, report.at("tls"))
    check_tunnel(policy.tunnel, report.at("tunnel"))
    if policy.tunnel is not None and policy.proxy_protocol is not None:
        report.error("only one of tunnel and proxyProtocol can be set", "proxyProtocol")
    if policy.retry_budget is not None:
        add(report, texts.percent_problem(policy.retry_budget.percent), "retryBudget", "percent")
    for index, port in enumerate(policy.port_level_settings):
        _check_port_policy(port, report.at("portLevelSettings", index))


def _check_port_policy(policy: PortTrafficPolicy, report: Report) -> None:
    if policy.port is None:
        report.error("port is required", "port")
    check_port_selector(policy.port, report.at("port"))
    if not (policy.outlier_detection or policy.connection_pool or policy.load_balancer or policy.tls):
        report.error("a port's policy must have at least one setting")
    check_outlier_detection(policy.outlier_detection, report.at("outlierDetection"))
    check_connection_pool(policy.connection_pool, report.at("connectionPool"))
    check_load_balancer(policy.load_balancer, policy.outlier_detection, report.at("loadBalancer"))
    check_client_tls(policy.tls, report.at("tls"))


def check_outlier_detection(value: OutlierDetection | None, report: Report) -> None:
    if value is None:
        return
    for name, text in (("interval", value.interval), ("baseEjectionTime", value.base_ejection_time)):
        if text:
            add(report, texts.duration_problem(text), name)
    if value.consecutive_local_origin_failures and not value.split_external_local_origin_errors:
        report.error("needs splitExternalLocalOriginErrors: true", "consecutiveLocalOriginFailures")
    add(report, texts.percent_problem(value.max_ejection_percent), "maxEjectionPercent")
    add(report, texts.percent_problem(value.min_health_percent), "minHealthPercent")
    for index, code in enumerate(value.outlier_detection_http_error_codes):
        if not 100 <= code <= 599:
            report.error(f"{code} is not an HTTP status", "outlierDetectionHttpErrorCodes", index)


def check_connection_pool(value: ConnectionPoolSettings | None, report: Report) -> None:
    if value is None:
        return
    if value.http is None and value.tcp is None:
        report.error("a connection pool must have tcp or http settings")
    if value.http is not None:
        _check_http_pool(value.http, report.at("http"))
    if value.tcp is not None:
        _check_tcp_pool(value.tcp, report.at("tcp"))


def _check_http_pool(value: HTTPSettings, report: Report) -> None:
    for name, number in (
        ("http1MaxPendingRequests", value.http1_max_pending_requests),
        ("http2MaxRequests", value.http2_max_requests),
        ("maxRequestsPerConnection", value.max_requests_per_connection),
        ("maxRetries", value.max_retries),
        ("maxConcurrentStreams", value.max_concurrent_streams),
    ):
        _check_not_negative(number, report, name)
    if value.idle_timeout:
        add(report, texts.duration_problem(value.idle_timeout), "idleTimeout")
    if value.h2_upgrade_policy == "UPGRADE" and value.use_client_protocol:
        report.error("must not be true when h2UpgradePolicy is UPGRADE", "useClientProtocol")
    if (keepalive := value.http2_keep_alive) is not None:
        for name, text in (("interval", keepalive.interval), ("timeout", keepalive.timeout)):
            add(report, texts.duration_problem(text) if text else f"{name} is required", "http2KeepAlive", name)


def _check_tcp_pool(value: TCPSettings, report: Report) -> None:
    _check_not_negative(value.max_connections, report, "maxConnections")
    for name, text in (
        ("connectTimeout", value.connect_timeout),
        ("maxConnectionDuration", value.max_connection_duration),
    ):
        if text:
            add(report, texts.duration_problem(text), name)
    if value.idle_timeout and texts.nanoseconds(value.idle_timeout) != 0:  # 0 turns it off
        add(report, texts.duration_problem(value.idle_timeout), "idleTimeout")
    if (keepalive := value.tcp_keepalive) is not None:
        for name, text in (("time", keepalive.time), ("interval", keepalive.interval)):
            if text:
                add(report, texts.duration_problem(text), "tcpKeepalive", name)


def _check_not_negative(number: int | None, report: Report, name: str) -> None:
    if number is not None and number < 0:
        report.error(f"can't be negative: {number}", name)


def check_client_tls(value: ClientTLSSettings | None, report: Report) -> None:
    if value is None:
        return
    files = {"clientCertificate": value.client_certificate, "privateKey": value.private_key,
             "caCertificates": value.ca_certificates, "caCrl": value.ca_crl}  # fmt: skip
    if value.insecure_skip_verify and value.mode in ("SIMPLE", "MUTUAL"):
        for name, given in (
            ("caCertificates", value.ca_certificates),
            ("subjectAltNames", value.subject_alt_names),
            ("credentialName", value.credential_name if value.mode == "SIMPLE" else ""),
        ):
            if given:
                report.error("has no effect with insecureSkipVerify: leave one of them out", name)
    if value.mode in ("SIMPLE", "MUTUAL") and value.credential_name:
        for name, text in files.items():
            if text:
                report.error("can't be set beside credentialName", name)
    elif value.mode == "MUTUAL":
        for name in ("clientCertificate", "privateKey"):
            if not files[name]:
                report.error("is required for MUTUAL", name)


def check_tunnel(value: TunnelSettings | None, report: Report) -> None:
    if value is None:
        return
    if value.protocol and value.protocol.upper() not in ("CONNECT", "POST"):
        report.error(f"{value.protocol!r} is neither CONNECT nor POST", "protocol")
    add(report, texts.fqdn_problem(value.target_host), "targetHost")
    add(report, texts.port_problem(value.target_port), "targetPort")
