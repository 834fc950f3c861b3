"""Small pure parts of translation, each against its rule."""

from __future__ import annotations

import pytest

from tejer.envoy.proto import RouteConfiguration, VirtualHost
from tejer.istiod.model.authn import DISABLE, PERMISSIVE, STRICT
from tejer.istiod.model.endpoints import Endpoint
from tejer.istiod.model.service import HTTP, SNIFF, TCP, Service
from tejer.istiod.translate import routes
from tejer.istiod.translate.endpoints import assignment
from tejer.istiod.translate.gateway_hosts import intersection
from tejer.istiod.translate.headers import HeaderChanges, host_rewrite
from tejer.istiod.translate.inbound import chains_for
from tejer.istiod.translate.route_match import is_catch_all, route_match
from tejer.kube.kinds.istio_networking import HeaderOperations, Headers, HTTPMatchRequest, StringMatch
from tejer.kube.resource import Key

NO_KEY = Key("", "services", "shop", "web")


@pytest.mark.parametrize(
    ("mode", "protocol", "transports"),
    [
        (STRICT, SNIFF, ["tls", "tls"]),
        (STRICT, HTTP, ["tls"]),
        (STRICT, TCP, ["tls"]),
        (PERMISSIVE, SNIFF, ["tls", "raw_buffer", "tls", "raw_buffer", "tls"]),
        (PERMISSIVE, HTTP, ["tls", "raw_buffer"]),
        (PERMISSIVE, TCP, ["tls", "tls", "raw_buffer"]),
        (DISABLE, SNIFF, ["raw_buffer", "raw_buffer"]),
        (DISABLE, HTTP, ["raw_buffer"]),
        (DISABLE, TCP, ["raw_buffer"]),
    ],
)
def test_inbound_chains_by_mode_and_protocol(mode: str, protocol: str, transports: list[str]) -> None:
    chains = chains_for(protocol, mode)
    assert [chain.transport for chain in chains] == transports
    assert all(chain.transport == "tls" for chain in chains if chain.mtls)
    if mode == STRICT:
        assert all(chain.mtls for chain in chains)


def test_serialized_virtual_hosts_join_into_one_configuration() -> None:
    hosts = [VirtualHost(name="n" * size, domains=["d"]) for size in (1, 200, 20_000)]
    joined = routes.join("80", [host.SerializeToString() for host in hosts])
    assert RouteConfiguration.FromString(joined) == routes.configuration("80", hosts)


def test_domains_by_the_callers_namespace() -> None:
    service = Service(
        hostname="web.shop.svc.cluster.local", name="web", namespace="shop", source=NO_KEY, addresses=("10.0.0.1",),
        aliases=("old.past.svc.cluster.local",),
    )  # fmt: skip
    near, far = (routes.domains(service, where, "cluster.local") for where in ("shop", "far"))
    assert "web" in near
    assert "web" not in far
    assert {"web.shop", "web.shop.svc", "web.shop.svc.cluster.local.", "10.0.0.1", "old.past"} <= set(far)


def test_endpoints_of_a_subset_and_their_health() -> None:
    def endpoint(address: str, version: str, *, ready: bool = True) -> Endpoint:
        return Endpoint(address=address, port=80, labels={"version": version}, ready=ready)

    all_of_them = [endpoint("1.1.1.1", "v1"), endpoint("1.1.1.2", "v1", ready=False), endpoint("1.1.1.3", "v2")]
    (group,) = assignment("c", all_of_them, {"version": "v1"}).endpoints
    assert [e.health_status for e in group.lb_endpoints] == [0, 2]
    (group,) = assignment("c", all_of_them, {"version": "v1"}, only_ready=True).endpoints
    assert len(group.lb_endpoints) == 1
    assert list(assignment("c", all_of_them, {"version": "v9"}).endpoints) == []


def test_hosts_of_a_server_and_a_virtual_service() -> None:
    assert intersection(["*.example"], ["a.example", "b.other"]) == ("a.example",)
    assert intersection(["a.example"], ["*"]) == ("a.example",)
    assert intersection(["*"], ["*"]) == ("*",)
    assert intersection(["x"], ["y"]) == ()


def test_host_is_rewritten_not_set() -> None:
    headers = Headers(request=HeaderOperations(set={"Host": "inner", "x": "1", ":path": "/"}, add={"y": ""}))
    assert host_rewrite(headers) == "inner"
    added = HeaderChanges(headers).request_add
    assert [(o.header.key, o.keep_empty_value) for o in added] == [("y", True), ("x", False)]


@pytest.mark.parametrize(
    ("match", "everything"),
    [
        (None, True),
        (HTTPMatchRequest(uri=StringMatch(prefix="/")), True),
        (HTTPMatchRequest(uri=StringMatch(regex=".*")), True),
        (HTTPMatchRequest(uri=StringMatch(prefix="/"), headers={"x": StringMatch()}), False),
        (HTTPMatchRequest(query_params={"x": StringMatch(exact="1")}), False),
        (HTTPMatchRequest(uri=StringMatch(prefix="/a")), False),
    ],
)
def test_what_takes_every_request(match: HTTPMatchRequest | None, everything: bool) -> None:
    assert is_catch_all(route_match(match)) is everything


def test_claims_are_refused_not_ignored() -> None:
    with pytest.raises(ValueError, match="claims"):
        route_match(HTTPMatchRequest(headers={"@request.auth.claims.sub": StringMatch(exact="x")}))
