"""ServiceEntry. Source: Istio's pkg/config/validation/validation.go, ValidateServiceEntry."""

from __future__ import annotations

from tejer.istiod.checks import protocols, texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_export_to, check_workload_selector, namespace_of
from tejer.kube.kinds.istio.service_entry import ServiceEntry, ServiceEntrySpec
from tejer.kube.kinds.istio.workload_entry import WorkloadEntrySpec
from tejer.kube.resource import Body

DNS = ("DNS", "DNS_ROUND_ROBIN")


def check_service_entry(value: ServiceEntry, _: Body, report: Report) -> None:
    spec = value.spec
    resolution = spec.resolution or "NONE"
    _check_hosts(spec, report)
    _check_selector(spec, resolution, report)
    _check_addresses(spec, resolution, report)
    names = _check_ports(spec, report)
    _check_endpoints(spec, resolution, names, report)
    if len(spec.hosts) > 1 and resolution != "NONE":
        if not all(protocols.is_http(port.protocol) or protocols.is_tls(port.protocol) for port in spec.ports):
            report.error("several hosts on one TCP port can't be told apart: use HTTP or TLS ports", "hosts")
        if spec.addresses and resolution in DNS:
            report.warning("several hosts share these addresses: each is reached at any of them", "addresses")
    check_export_to(spec.export_to, namespace_of(value.metadata), report.at("exportTo"), service_entry=True)


def _check_hosts(spec: ServiceEntrySpec, report: Report) -> None:
    if not spec.hosts:
        report.error("a service entry must have at least one host", "hosts")
    for index, host in enumerate(spec.hosts):
        if host == "*":
            report.error("`*` would take all traffic of the mesh: name a domain", "hosts", index)
            continue
        add(report, texts.wildcard_problem(host), "hosts", index)
        if texts.is_partial_wildcard(host):
            report.warning(f'partial wildcard "{host}" may not work as expected', "hosts", index)


def _check_selector(spec: ServiceEntrySpec, resolution: str, report: Report) -> None:
    if spec.workload_selector is None:
        return
    check_workload_selector(spec.workload_selector, report.at("workloadSelector"))
    if spec.endpoints:
        report.error("only one of workloadSelector and endpoints can be set", "endpoints")
    if spec.workload_selector.labels and resolution == "NONE":
        report.warning("with resolution NONE the selected workloads are not used", "workloadSelector",
                       hint="set resolution: STATIC")  # fmt: skip


def _check_addresses(spec: ServiceEntrySpec, resolution: str, report: Report) -> None:
    for index, address in enumerate(spec.addresses):
        add(report, texts.subnet_problem(address), "addresses", index)
        if "/" in address and resolution not in ("NONE", "STATIC"):
            report.error("a CIDR range is for resolution NONE or STATIC", "addresses", index)
    if resolution == "DYNAMIC_DNS":
        for index, host in enumerate(spec.hosts):
            if not host.startswith("*."):
                report.error("DYNAMIC_DNS resolves what a wildcard stands for: write *.domain", "hosts", index)
        for name, given in (("addresses", spec.addresses), ("workloadSelector", spec.workload_selector)):
            if given:
                report.error("can't be set with DYNAMIC_DNS", name)
        for index, port in enumerate(spec.ports):
            if not protocols.is_http(port.protocol) and not protocols.is_tls(port.protocol):
                report.error("DYNAMIC_DNS needs a protocol that names hosts: HTTP or TLS", "ports", index, "protocol")


def _check_ports(spec: ServiceEntrySpec, report: Report) -> set[str]:
    names: set[str] = set()
    numbers: set[int | None] = set()
    for index, port in enumerate(spec.ports):
        inner = report.at("ports", index)
        if port.name in names:
            inner.error(f"port name {port.name!r} is defined twice", "name")
        if port.number in numbers:
            inner.error(f"port {port.number} is defined twice", "number")
        names.add(port.name)
        numbers.add(port.number)
        add(inner, texts.port_problem(port.number), "number")
        if not port.name:
            inner.error("port name must be set", "name")
        if port.protocol and not protocols.parse(port.protocol):
            inner.error(f"{port.protocol!r} is not a protocol", "protocol")
        if port.target_port:
            add(inner, texts.port_problem(port.target_port), "targetPort")
        if not spec.addresses and port.protocol.upper() in ("", "TCP"):
            inner.warning("addresses are needed for a TCP port, else it takes all traffic to this port number",
                          hint="set spec.addresses, or a protocol")  # fmt: skip
    return names


def _check_endpoints(spec: ServiceEntrySpec, resolution: str, names: set[str], report: Report) -> None:
    if resolution in ("NONE", "DYNAMIC_DNS") and spec.endpoints:
        report.error(f"endpoints can't be set with resolution {resolution}", "endpoints")
    if resolution == "DNS_ROUND_ROBIN" and len(spec.endpoints) > 1:
        report.error("DNS_ROUND_ROBIN takes at most one endpoint", "endpoints")
    if resolution in DNS and not spec.endpoints:
        for index, host in enumerate(spec.hosts):
            problem = texts.fqdn_problem(host)
            if problem and not texts.wildcard_problem(host):
                problem = f"{host!r} can't be resolved: give endpoints, or a full domain name"
            add(report, problem if host != "*" else "", "hosts", index)
    for index, endpoint in enumerate(spec.endpoints):
        inner = report.at("endpoints", index)
        if endpoint.address.startswith("unix://"):
            _check_unix(endpoint, resolution, len(spec.ports), inner)
        elif resolution == "STATIC" and endpoint.address and not texts.is_address(endpoint.address):
            inner.error(f"{endpoint.address!r} is not an IP address, as resolution STATIC needs", "address")
        elif resolution in DNS and endpoint.address and not texts.is_address(endpoint.address):
            add(inner, texts.fqdn_problem(endpoint.address), "address")
        if not endpoint.address:
            if endpoint.network and resolution not in DNS:
                inner.warning(f"without an address it stands for the gateways of network {endpoint.network}")
            else:
                inner.error("an address is required", "address")
        for name, number in endpoint.ports.items():
            if name not in names:
                inner.error(f"port {name!r} is not a port of this entry", "ports", name)
            add(inner, texts.port_problem(number), "ports", name)
        add(inner, texts.labels_problem(endpoint.labels), "labels")


def _check_unix(endpoint: WorkloadEntrySpec, resolution: str, ports: int, report: Report) -> None:
    add(report, texts.unix_problem(endpoint.address), "address")
    if resolution != "STATIC":
        report.error("a unix address needs resolution STATIC", "address")
    if endpoint.ports:
        report.error("a unix endpoint can't have ports", "ports")
    if ports != 1:
        report.error("a unix endpoint needs exactly one service port", "address")
