"""WorkloadEntry, WorkloadGroup and ProxyConfig. Source: Istio's pkg/config/validation/validation.go."""

from __future__ import annotations

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_policy_selector
from tejer.kube.kinds.istio.proxy_config import ProxyConfig
from tejer.kube.kinds.istio.workload_entry import WorkloadEntry, WorkloadEntrySpec
from tejer.kube.kinds.istio.workload_group import ReadinessProbe, WorkloadGroup
from tejer.kube.resource import Body

IMAGE_TYPES = ("", "default", "debug", "distroless")


def check_workload_entry(value: WorkloadEntry, _: Body, report: Report) -> None:
    spec = value.spec
    if not spec.address and not spec.network:
        report.error("address must be set", "address")
    _check_entry(spec, report)


def _check_entry(spec: WorkloadEntrySpec, report: Report) -> None:
    if spec.address.startswith("unix://"):
        add(report, texts.unix_problem(spec.address), "address")
        if spec.ports:
            report.error("a unix address can't have ports", "ports")
    elif spec.address and not texts.is_address(spec.address):
        add(report, texts.fqdn_problem(spec.address), "address")
    for name, number in spec.ports.items():
        add(report, texts.port_problem(number), "ports", name)
    add(report, texts.labels_problem(spec.labels), "labels")


def check_workload_group(value: WorkloadGroup, raw: Body, report: Report) -> None:
    spec = value.spec
    if raw.get("template") is None:
        report.error("template is required", "template")
    elif spec.template is not None:
        _check_entry(spec.template, report.at("template"))
    if spec.metadata is not None:
        add(report, texts.labels_problem(spec.metadata.labels), "metadata", "labels")
    if spec.probe is not None:
        _check_probe(spec.probe, report.at("probe"))


def _check_probe(probe: ReadinessProbe, report: Report) -> None:
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        attribute = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
        if (getattr(probe, attribute) or 0) < 0:
            report.error("can't be negative", name)
    given = [name for name in ("http_get", "tcp_socket", "exec", "grpc") if getattr(probe, name) is not None]
    if len(given) != 1:
        report.error("exactly one of httpGet, tcpSocket, exec and grpc must be set")
    if probe.http_get is not None:
        add(report, texts.port_problem(probe.http_get.port), "httpGet", "port")
        if probe.http_get.scheme not in ("", "HTTP", "HTTPS"):
            report.error("is neither HTTP nor HTTPS", "httpGet", "scheme")
        for index, header in enumerate(probe.http_get.http_headers):
            add(report, texts.header_name_problem(header.name), "httpGet", "httpHeaders", index, "name")
    if probe.tcp_socket is not None:
        add(report, texts.port_problem(probe.tcp_socket.port), "tcpSocket", "port")
    if probe.grpc is not None:
        add(report, texts.port_problem(probe.grpc.port), "grpc", "port")
    if probe.exec is not None and not probe.exec.command:
        report.error("a command is required", "exec", "command")


def check_proxy_config(value: ProxyConfig, _: Body, report: Report) -> None:
    spec = value.spec
    check_policy_selector(spec.selector, report.at("selector"))
    if (spec.concurrency or 0) < 0:
        report.error("concurrency must be greater than or equal to 0", "concurrency")
    if spec.image is not None and spec.image.image_type not in IMAGE_TYPES:
        report.error(f"{spec.image.image_type!r} is not an image type", "image", "imageType")
