from typing import Any

from tejer.istiod.model.config import read_config
from tejer.istiod.model.gateway import Gateway, Merged, merge
from tejer.kube.kinds.istio_networking import GatewaySpec
from tejer.kube.resource import Key


def gateway(name: str, *servers: dict[str, Any], created: str = "1") -> Gateway:
    key = Key("networking.istio.io", "gateways", "shop", name)
    body = {"kind": "Gateway", "metadata": {"creationTimestamp": created}, "spec": {"servers": list(servers)}}
    return read_config(key, body, GatewaySpec)


def server(number: int, protocol: str, host: str = "*", name: str = "p", **more: Any) -> dict[str, Any]:
    return {"port": {"number": number, "protocol": protocol, "name": name}, "hosts": [host], **more}


def merged(*gateways: Gateway, targets: dict[int, tuple[int, ...]] | None = None, unprivileged: bool = False) -> Merged:
    return merge(gateways, targets or {}, unprivileged=unprivileged)


SIMPLE: dict[str, Any] = {"tls": {"mode": "SIMPLE", "credentialName": "c"}}


def test_plaintext_http_servers_share_a_route_by_the_workloads_port() -> None:
    found = merged(gateway("a", server(80, "HTTP")), gateway("b", server(80, "http2")), targets={80: (8080,)})
    assert [(s.port, s.route) for s in found.servers] == [(8080, "http.8080"), (8080, "http.8080")]
    assert found.problems == ()


def test_each_https_server_has_a_route_of_its_own() -> None:
    found = merged(gateway("a", server(443, "HTTPS", "x", "one", **SIMPLE), server(443, "HTTPS", "y", "two", **SIMPLE)))
    assert [s.route for s in found.servers] == ["https.443.one.a.shop", "https.443.two.a.shop"]


def test_conflicts_leave_out_the_younger_server() -> None:
    old = gateway("old", server(80, "HTTP"), server(443, "HTTPS", "x", **SIMPLE), created="1")
    new = gateway(
        "new",
        server(80, "TCP"),
        server(443, "HTTPS", "x", "q", **SIMPLE),
        server(443, "HTTPS", "y", **SIMPLE),
        created="2",
    )
    found = merged(new, old)
    assert [(s.gateway, s.server.hosts[0]) for s in found.servers] == [
        ("shop/old", "*"),
        ("shop/old", "x"),
        ("shop/new", "y"),
    ]
    assert [(p.field, "already" in p.message) for p in found.problems] == [
        ("spec.servers[0]", True), ("spec.servers[1]", True),
    ]  # fmt: skip


def test_a_port_name_used_twice_on_a_port() -> None:
    found = merged(gateway("a", server(443, "HTTPS", "x", **SIMPLE), server(443, "HTTPS", "y", **SIMPLE)))
    assert len(found.servers) == 1
    assert "used twice" in found.problems[0].message


def test_an_unprivileged_gateway_cannot_take_low_ports() -> None:
    found = merged(gateway("a", server(80, "HTTP")), unprivileged=True)
    assert found.servers == ()
    assert "unprivileged" in found.problems[0].message
    assert merged(gateway("a", server(80, "HTTP")), targets={80: (8080,)}, unprivileged=True).problems == ()


def test_https_passed_through_is_tls() -> None:
    (found,) = merged(gateway("a", server(443, "HTTPS", tls={"mode": "PASSTHROUGH"}))).servers
    assert (found.protocol, found.terminates_tls, found.route) == ("TLS", False, "")
