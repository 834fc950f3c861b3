"""VirtualService. Source: Istio's pkg/config/validation/validation.go, ValidateVirtualService."""

from __future__ import annotations

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_export_to, check_gateway_names, namespace_of
from tejer.istiod.checks.rules.destination import check_destination
from tejer.istiod.checks.rules.http_route import check_http_route, check_raw_match
from tejer.istiod.checks.rules.overlap import check_overlap
from tejer.kube.kinds.istio.virtual_service import (
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
    VirtualService,
    VirtualServiceSpec,
)
from tejer.kube.resource import Body

MESH = "mesh"


def check_virtual_service(value: VirtualService, raw: Body, report: Report) -> None:
    spec = value.spec
    on_mesh = not spec.gateways or MESH in spec.gateways
    on_gateway = any(name != MESH for name in spec.gateways)
    check_gateway_names(spec.gateways, report.at("gateways"))
    if spec.hosts:
        _check_hosts(spec.hosts, report.at("hosts"), on_mesh=on_mesh)
    else:
        _check_delegate(spec, report)
    if not (spec.http or spec.tcp or spec.tls):
        report.error("http, tcp or tls must be provided")
    for index, route in enumerate(spec.http):
        check_http_route(route, report.at("http", index), delegate=not spec.hosts)
        if on_mesh and not on_gateway:
            for position, match in enumerate(route.match):
                for name in (*match.headers, *match.without_headers):
                    if texts.is_claim(name):
                        report.error(f"routing by a token's claim ({name}) works on gateways only",
                                     "http", index, "match", position, "headers", name)  # fmt: skip
        for position, raw_match in enumerate(raw["http"][index].get("match") or ()):
            check_raw_match(raw_match, report.at("http", index, "match", position))
    for index, tls in enumerate(spec.tls):
        _check_tls_match(tls.match, spec.hosts, report.at("tls", index, "match"))
        _check_l4_routes(tls.route, report.at("tls", index, "route"))
    for index, tcp in enumerate(spec.tcp):
        for position, match_ in enumerate(tcp.match):
            _check_l4_match(match_, report.at("tcp", index, "match", position))
        _check_l4_routes(tcp.route, report.at("tcp", index, "route"))
    check_export_to(spec.export_to, namespace_of(value.metadata), report.at("exportTo"))
    check_overlap(spec, report)


def _check_hosts(hosts: tuple[str, ...], report: Report, *, on_mesh: bool) -> None:
    for index, host in enumerate(hosts):
        problem = texts.wildcard_problem(host)
        if problem and not texts.is_address(host):
            report.error(problem, index)
        elif host == "*" and on_mesh:
            report.error("`*` is not allowed on the mesh gateway", index, hint="name a gateway in spec.gateways")
        for earlier in hosts[:index]:
            if not problem and texts.matches(host, earlier):
                report.error(f"duplicate hosts: {host} and {earlier}", index)


def _check_delegate(spec: VirtualServiceSpec, report: Report) -> None:
    """Without hosts it holds routes for another VirtualService."""
    if spec.gateways:
        report.error("a delegate (without hosts) can't have gateways", "gateways")
    for name, routes in (("tls", spec.tls), ("tcp", spec.tcp)):
        if routes:
            report.error(f"a delegate (without hosts) has http routes only, not {name}", name)


def _check_tls_match(matches: tuple[TLSMatchAttributes, ...], hosts: tuple[str, ...], report: Report) -> None:
    if not matches:
        report.error("a TLS route must have at least one match")
    for index, match in enumerate(matches):
        inner = report.at(index)
        if not match.sni_hosts:
            inner.error("a TLS match must have at least one SNI host", "sniHosts")
        for position, sni in enumerate(match.sni_hosts):
            if texts.is_address(sni):
                inner.warning(f"{sni}: an IP address is no SNI, most clients send none for it", "sniHosts", position)
                continue
            problem = texts.wildcard_problem(sni)
            if not problem and not any(texts.subset_of(sni, host) for host in hosts):
                problem = f"{sni!r} is not among the hosts of this VirtualService ({', '.join(hosts)})"
            add(inner, problem, "sniHosts", position)
        _check_l4_match(match, inner)


def _check_l4_match(match: TLSMatchAttributes | L4MatchAttributes, report: Report) -> None:
    for index, subnet in enumerate(match.destination_subnets):
        add(report, texts.subnet_problem(subnet), "destinationSubnets", index)
    if isinstance(match, L4MatchAttributes) and match.source_subnet:
        add(report, texts.subnet_problem(match.source_subnet), "sourceSubnet")
    if match.port is not None:
        add(report, texts.port_problem(match.port), "port")
    add(report, texts.labels_problem(match.source_labels), "sourceLabels")
    check_gateway_names(match.gateways, report.at("gateways"))
    if match.source_namespace:
        add(report, texts.label_problem(match.source_namespace), "sourceNamespace")


def _check_l4_routes(routes: tuple[RouteDestination, ...], report: Report) -> None:
    if not routes:
        report.error("a route must have at least one destination")
    for index, route in enumerate(routes):
        check_destination(route.destination, report.at(index, "destination"))
        if (route.weight or 0) < 0:
            report.error(f"a weight can't be negative: {route.weight}", index, "weight")
    if len(routes) > 1 and sum(route.weight or 0 for route in routes) == 0:
        report.error("the weights of several destinations must not all be 0")
