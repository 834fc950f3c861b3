"""Gateway. Source: Istio's pkg/config/validation/validation.go, ValidateGateway."""

from __future__ import annotations

from tejer.istiod.checks import protocols, texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_namespaced_host
from tejer.istiod.checks.rules.server_tls import check_server_tls
from tejer.kube.kinds.istio.gateway import Gateway, Port, Server, ServerTLSSettings
from tejer.kube.resource import Body


def check_gateway(value: Gateway, _: Body, report: Report) -> None:
    spec = value.spec
    if not spec.servers:
        report.error("a gateway must have at least one server", "servers")
    names: set[str] = set()
    for index, server in enumerate(spec.servers):
        inner = report.at("servers", index)
        _check_server(server, inner)
        if server.port is None:
            continue
        if server.port.name and server.port.name in names:
            inner.error(f"port names must be unique: {server.port.name!r} is used twice", "port", "name")
        names.add(server.port.name)
        if server.tls is not None and server.tls.https_redirect and not protocols.is_http(server.port.protocol):
            inner.warning("tls.httpsRedirect should only be used with http servers", "tls", "httpsRedirect")


def _check_server(server: Server, report: Report) -> None:
    if not server.hosts:
        report.error("a server must have at least one host", "hosts")
    for index, host in enumerate(server.hosts):
        check_namespaced_host(host, report.at("hosts", index), gateway=True)
    check_server_tls(server.tls, report.at("tls"))
    if server.port is None:
        report.error("port is required", "port")
        return
    if _check_port(server.port, server.bind, report):
        _check_protocol(server.port.protocol, server.tls, report)


def _check_port(port: Port, bind: str, report: Report) -> bool:
    before = len(report.problems)
    if not protocols.parse(port.protocol):
        report.error(f"{port.protocol!r} is not a protocol: HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, REDIS, MYSQL, "
                     "TCP or TLS", "port", "protocol")  # fmt: skip
    unix = bind.startswith("unix://")
    if not unix or port.number:
        add(report, texts.port_problem(port.number), "port", "number")
    if not port.name:
        report.error("port name must be set", "port", "name")
    if unix:
        add(report, texts.unix_problem(bind), "bind")
        if port.number:
            report.error("must be 0 for a unix domain socket", "port", "number")
    elif bind and not texts.is_address(bind):
        report.error(f"{bind} is not a valid IP", "bind")
    return len(report.problems) == before


def _check_protocol(protocol: str, tls: ServerTLSSettings | None, report: Report) -> None:
    if protocols.is_tls(protocol):
        if tls is None:
            report.error(f"server must have TLS settings for {protocol.upper()}", "tls")
    elif tls is not None:
        if not protocols.is_http(protocol):
            report.error("server cannot have TLS settings for non HTTPS/TLS ports", "tls")
        elif tls != ServerTLSSettings(https_redirect=tls.https_redirect):
            report.error("server cannot have TLS settings for plain text HTTP ports, other than httpsRedirect", "tls")
