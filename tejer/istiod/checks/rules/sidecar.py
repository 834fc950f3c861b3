"""Sidecar. Source: Istio's pkg/config/validation/validation.go, ValidateSidecar."""

from __future__ import annotations

from tejer.istiod.checks import protocols, texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_namespaced_host, check_workload_selector, namespace_of
from tejer.istiod.checks.rules.destination import check_destination
from tejer.istiod.checks.rules.server_tls import check_server_tls
from tejer.istiod.checks.rules.traffic_policy import check_connection_pool
from tejer.kube.kinds.istio.sidecar import IstioEgressListener, IstioIngressListener, Sidecar, SidecarPort, SidecarSpec
from tejer.kube.resource import Body

LOCAL = ("127.0.0.1", "0.0.0.0", "[::1]", "[::]")  # noqa: S104 (addresses a user may write)


def check_sidecar(value: Sidecar, _: Body, report: Report) -> None:
    spec = value.spec
    check_workload_selector(spec.workload_selector, report.at("workloadSelector"))
    if not (spec.egress or spec.ingress or spec.outbound_traffic_policy or spec.inbound_connection_pool):
        report.error("a sidecar must set something: ingress, egress, outboundTrafficPolicy or inboundConnectionPool")
    bound: set[tuple[int | None, str]] = set()
    for index, ingress in enumerate(spec.ingress):
        _check_ingress(ingress, bound, report.at("ingress", index))
    _check_egress_listeners(spec, namespace_of(value.metadata), report)
    if (policy := spec.outbound_traffic_policy) is not None and policy.egress_proxy is not None:
        if policy.mode != "ALLOW_ANY":
            report.error("needs mode ALLOW_ANY", "outboundTrafficPolicy", "egressProxy")
        check_destination(policy.egress_proxy, report.at("outboundTrafficPolicy", "egressProxy"))
    check_connection_pool(spec.inbound_connection_pool, report.at("inboundConnectionPool"))


def _check_ingress(value: IstioIngressListener, bound: set[tuple[int | None, str]], report: Report) -> None:
    if value.port is None:
        report.error("port is required", "port")
        return
    _check_port(value.port, value.bind, report)
    if (key := (value.port.number, "")) in bound:
        report.error(f"port {value.port.number} is used by an earlier listener", "port", "number")
    bound.add(key)
    if value.default_endpoint:
        add(report, _endpoint_problem(value.default_endpoint), "defaultEndpoint")
    if value.tls is not None:
        _check_ingress_tls(value, report.at("tls"))
    check_connection_pool(value.connection_pool, report.at("connectionPool"))
    pool = value.connection_pool
    if pool is not None and pool.http is not None and not protocols.is_http(value.port.protocol):
        report.warning("HTTP settings have no effect on a TCP port", "connectionPool", "http")


def _check_ingress_tls(value: IstioIngressListener, report: Report) -> None:
    tls = value.tls
    assert tls is not None
    assert value.port is not None
    for name, given in (
        ("subjectAltNames", tls.subject_alt_names), ("httpsRedirect", tls.https_redirect),
        ("credentialName", tls.credential_name), ("credentialNames", tls.credential_names),
        ("tlsCertificates", tls.tls_certificates),
    ):  # fmt: skip
        if given:
            report.error("is not supported on a sidecar's ingress", name)
    if tls.mode in ("ISTIO_MUTUAL", "AUTO_PASSTHROUGH"):
        report.error(f"{tls.mode} is not supported on a sidecar's ingress", "mode")
    if not protocols.is_tls(value.port.protocol):
        report.error(f"needs a TLS port, {value.port.protocol} is none")
    check_server_tls(tls, report)


def _endpoint_problem(endpoint: str) -> str:
    if endpoint.startswith("unix://"):
        return texts.unix_problem(endpoint)
    host, _, port = endpoint.rpartition(":")
    if host in LOCAL and port.isdigit():
        return texts.port_problem(int(port))
    return f"{endpoint!r} must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix://path"


def _check_egress_listeners(spec: SidecarSpec, namespace: str, report: Report) -> None:
    bound: set[tuple[int | None, str]] = set()
    catch_all = False
    for index, egress in enumerate(spec.egress):
        inner = report.at("egress", index)
        if not egress.hosts:
            inner.error("an egress listener must have at least one host", "hosts")
        if egress.port is None:
            _check_catch_all(egress, inner)
            if index != len(spec.egress) - 1 or catch_all:
                inner.error("an egress listener without a port must be the last")
            catch_all = True
        else:
            _check_port(egress.port, egress.bind, inner, unix=True)
            if egress.bind.startswith("unix://") and egress.capture_mode == "IPTABLES":
                inner.error("must be DEFAULT or NONE for a unix domain socket", "captureMode")
            if (key := (egress.port.number, egress.bind)) in bound:
                inner.error("this port and bind are used by an earlier listener", "port")
            bound.add(key)
        _check_hosts(egress.hosts, namespace, inner.at("hosts"))


def _check_catch_all(value: IstioEgressListener, report: Report) -> None:
    if value.bind:
        report.error("can't be set without a port", "bind")
    if value.capture_mode not in ("", "DEFAULT"):
        report.error("must be DEFAULT without a port", "captureMode")


def _check_hosts(hosts: tuple[str, ...], own_namespace: str, report: Report) -> None:
    seen: dict[str, set[str]] = {}
    for index, host in enumerate(hosts):
        check_namespaced_host(host, report.at(index), gateway=False)
        namespace, slash, name = host.partition("/")
        if not slash or namespace.startswith("~"):
            continue
        names = seen.setdefault(own_namespace if namespace == "." else namespace, set())
        if name in names or "*" in names or (name == "*" and names):
            report.warning(f"{host} repeats an entry for this namespace", index)
        names.add(name)


def _check_port(port: SidecarPort, bind: str, report: Report, *, unix: bool = False) -> None:
    if not protocols.parse(port.protocol):
        report.error(f"{port.protocol!r} is not a protocol", "port", "protocol")
    if port.name:
        add(report, texts.label_problem(port.name), "port", "name")
    if unix and bind.startswith("unix://"):
        add(report, texts.unix_problem(bind), "bind")
        if port.number:
            report.error("must be 0 for a unix domain socket", "port", "number")
        return
    add(report, texts.port_problem(port.number), "port", "number")
    if bind and not texts.is_address(bind):
        report.error(f"{bind} is not a valid IP", "bind")
