"""The mesh's edges by traffic: gateways with HTTP and HTTPS, ServiceEntry, and what leaves the mesh unasked."""

from __future__ import annotations

import json
import ssl
from typing import Any

import httpx2
import pytest

from tests.e2e.apps.certificate import self_signed
from tests.e2e.traffic import Mesh, echoed, eventually, status

pytestmark = pytest.mark.e2e

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: traffic}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [edge.test]
  - port: {number: 80, name: http-moved, protocol: HTTP}
    hosts: [secure.test]
    tls: {httpsRedirect: true}
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [secure.test]
    tls: {mode: SIMPLE, credentialName: edge-cert}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: traffic}
spec:
  hosts: [edge.test, secure.test]
  gateways: [edge]
  http:
  - match: [{uri: {prefix: /api/}}]
    rewrite: {uri: /}
    route: [{destination: {host: server, port: {number: 80}}}]
---
"""


def secret(cert: str, key: str) -> str:
    body = {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "edge-cert", "namespace": "istio-system"},
        "stringData": {"tls.crt": cert, "tls.key": key},
    }  # fmt: skip
    return f"{json.dumps(body)}\n---\n"


def entry(name: str, **spec: Any) -> str:
    body = {
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": "traffic"}, "spec": {"location": "MESH_EXTERNAL", **spec},
    }  # fmt: skip
    return f"{json.dumps(body)}\n---\n"


def ask(url: str, host: str, trust: str = "") -> httpx2.Response | None:
    """The gateway's answer to a request for `host`, by TLS for that name if the URL says https; None: no connection."""
    context = ssl.create_default_context(cadata=trust or None)
    with httpx2.Client(verify=context, trust_env=False) as client:
        try:
            return client.get(url, headers={"host": host}, extensions={"sni_hostname": host}, timeout=10)
        except httpx2.TransportError:
            return None


def code(answer: httpx2.Response | None) -> int:
    return answer.status_code if answer is not None else 0


def test_gateway_http_https_and_redirect(traffic: Mesh) -> None:
    http, https = traffic.shell.env["HTTP"], traffic.shell.env["HTTPS"]
    first, first_key = self_signed("secure.test")
    second, second_key = self_signed("secure.test")
    with traffic.applied(secret(first, first_key) + GATEWAY):
        answer = eventually(lambda: ask(f"{http}/api/x", "edge.test"), lambda found: code(found) == 200)
        described = answer.json()
        assert described["path"] == "/x"
        assert "sa/istio-ingressgateway-service-account" in described["headers"]["x-forwarded-client-cert"]
        assert code(ask(f"{http}/elsewhere", "edge.test")) == 404
        moved = ask(f"{http}/api/x", "secure.test")
        assert moved is not None
        assert (moved.status_code, moved.headers["location"]) == (301, "https://secure.test/api/x")
        answer = eventually(lambda: ask(f"{https}/api/y", "secure.test", first), lambda found: code(found) == 200)
        assert answer.json()["headers"]["x-forwarded-proto"] == "https"
        traffic.apply(secret(second, second_key))
        eventually(lambda: ask(f"{https}/api/y", "secure.test", second), lambda found: code(found) == 200)


def test_service_entry_with_static_endpoints(traffic: Mesh) -> None:
    client, outsider = traffic.pod("client"), traffic.pod("outsider")
    ports = [
        {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080},
        {"number": 83, "name": "tcp", "protocol": "TCP", "targetPort": 8083},
    ]
    static = entry(
        "static", hosts=["static.test"], addresses=["240.9.9.9"], ports=ports, resolution="STATIC",
        endpoints=[{"address": outsider.address}],
    )  # fmt: skip
    with traffic.applied(static):
        answer = client.until("http://240.9.9.9/x", status(200), headers={"host": "static.test"})
        assert echoed(answer)["pod"].startswith("outsider")
        assert client.tcp("240.9.9.9", 83)["data"] == "hello"


def test_service_entry_by_dns(traffic: Mesh) -> None:
    """`resolution: DNS`: Envoy asks the cluster's DNS for the endpoint's name."""
    dns = entry(
        "dns", hosts=["dns.test"], ports=[{"number": 80, "name": "http", "protocol": "HTTP"}], resolution="DNS",
        endpoints=[{"address": "server.traffic.svc.cluster.local"}],
    )  # fmt: skip
    client = traffic.pod("client")
    with traffic.applied(dns):
        answer = client.until("http://server/", lambda found: found["status"] == 200, headers={"host": "dns.test"})
        eventually(
            lambda: traffic.shell.ok("istioctl proxy-config endpoints deploy/client -n traffic"),
            lambda table: "outbound|80||dns.test" in table,
        )
        answer = client.http("http://server/", headers={"host": "dns.test"})
        assert echoed(answer)["pod"].startswith("server-")
        assert "x-forwarded-client-cert" not in echoed(answer)["headers"], "outside of the mesh no mutual TLS"


SIDECAR = """
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: only-what-is-known, namespace: traffic}
spec:
  workloadSelector: {labels: {app: client}}
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
"""


def test_outbound_traffic_policy(traffic: Mesh) -> None:
    """ALLOW_ANY lets a call to an unknown address through; REGISTRY_ONLY answers 502, or hangs up on TCP."""
    client, outsider = traffic.pod("client"), traffic.pod("outsider")
    unknown = f"http://{outsider.address}:8080/"
    assert client.http(unknown)["status"] == 200
    with traffic.applied(SIDECAR):
        client.until(unknown, status(0))
        assert client.tcp(outsider.address, 8083)["data"] == ""
        assert client.http("http://server/", headers={"host": "unknown.test"})["status"] == 502
        assert client.http("http://server/")["status"] == 200
    client.until(unknown, status(200))
