"""PeerAuthentication and AuthorizationPolicy by traffic: who gets in, on which port, and who does not.

As in Istio, a connection that was open when a policy came serves one more request as before (Envoy's drain strategy
`immediate`), so each answer is awaited.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.apps.certificate import self_signed
from tests.e2e.traffic import Mesh, Pod, eventually, status

pytestmark = pytest.mark.e2e

STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: guarded, namespace: traffic}}
spec:
  selector: {{matchLabels: {{app: guarded}}}}
  mtls: {{mode: STRICT}}
  portLevelMtls: {ports}
---
"""
POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: traffic}}
spec:
  selector: {{matchLabels: {{app: guarded}}}}
  {rest}
---
"""


@pytest.fixture(autouse=True)
def guarded(traffic: Mesh) -> Iterator[Pod]:
    """The server; the next test begins when the last one's policies have gone."""
    pod = traffic.pod("guarded")
    yield pod
    eventually(lambda: plaintext(traffic, pod), lambda code: code == 200)
    eventually(lambda: traffic.pod("client").tcp("guarded", 83)["data"], lambda data: data == "hello")


def plaintext(traffic: Mesh, pod: Pod, port: int = 8080) -> int:
    """The status that a pod without identity gets in plaintext; 0: the connection was refused."""
    return int(traffic.pod("outsider").http(f"http://{pod.address}:{port}/plain")["status"])


def test_permissive_takes_both(traffic: Mesh, guarded: Pod) -> None:
    assert plaintext(traffic, guarded) == 200
    assert traffic.pod("outsider").tcp(guarded.address, 8083)["data"] == "hello"
    assert traffic.pod("client").http("http://guarded/")["status"] == 200


def test_strict_refuses_plaintext_and_strangers_certificates(traffic: Mesh, guarded: Pod) -> None:
    outsider, client = traffic.pod("outsider"), traffic.pod("client")
    with traffic.applied(STRICT.format(ports="{8080: {mode: UNSET}}")):
        eventually(lambda: plaintext(traffic, guarded), lambda code: code == 0)
        assert outsider.tcp(guarded.address, 8083)["data"] == ""
        handshake = {"kind": "tls", "host": guarded.address, "port": 8080}
        cert, key = self_signed("stranger", "spiffe://cluster.local/ns/traffic/sa/client")
        (no_certificate,), (own_certificate,) = outsider.run(handshake, {**handshake, "cert_pem": cert, "key_pem": key})
        assert no_certificate["data"] == own_certificate["data"] == "", (no_certificate, own_certificate)
        client.until("http://guarded/", status(200))
        assert client.tcp("guarded", 83)["data"] == "hello"


def test_modes_of_single_ports(traffic: Mesh, guarded: Pod) -> None:
    policy = STRICT.format(ports="{8083: {mode: PERMISSIVE}, 8081: {mode: DISABLE}}")
    with traffic.applied(policy):
        eventually(lambda: plaintext(traffic, guarded), lambda code: code == 0)
        outsider = traffic.pod("outsider")
        assert outsider.tcp(guarded.address, 8083)["data"] == "hello"
        assert outsider.http(f"http://{guarded.address}:8081/", h2=True)["status"] == 200
        client = traffic.pod("client")
        client.until("http://guarded:81/", status(200), h2=True)  # auto mTLS knows the port takes none
        assert client.tcp("guarded", 83)["data"] == "hello"


def test_allow_by_principal_path_method_and_port(traffic: Mesh) -> None:
    """As soon as one ALLOW policy selects a workload, all that no rule grants is denied."""
    client, stranger = traffic.pod("client"), traffic.pod("stranger", "other")
    policy = POLICY.format(
        name="allow",
        rest="""rules:
  - from: [{source: {principals: ["cluster.local/ns/traffic/sa/client"]}}]
    to: [{operation: {paths: ["/public/*"], methods: [GET]}}]
  - from: [{source: {principals: ["cluster.local/ns/traffic/sa/client"]}}]
    to: [{operation: {ports: ["8083"]}}]
  - from: [{source: {namespaces: [other]}}]
    to: [{operation: {paths: ["/exact", "*.txt"]}}]""",
    )
    with traffic.applied(policy):
        denied = client.until("http://guarded/private", status(403))
        assert denied["body"] == "RBAC: access denied"
        client.until("http://guarded/public/x?y=1", status(200))
        client.until("http://guarded/public/x", status(403), method="POST")
        assert client.tcp("guarded", 83)["data"] == "hello"
        paths = ("/exact", "/a.txt", "/public/x")
        for path, code in zip(paths, (200, 200, 403), strict=True):
            stranger.until(f"http://guarded.traffic{path}", status(code))
        assert stranger.tcp("guarded.traffic", 83)["data"] == ""
        assert plaintext(traffic, traffic.pod("guarded")) == 403


def test_deny_wins_over_allow(traffic: Mesh) -> None:
    client, stranger = traffic.pod("client"), traffic.pod("stranger", "other")
    policies = POLICY.format(name="allow-all", rest="rules: [{}]") + POLICY.format(
        name="deny",
        rest="""action: DENY
  rules:
  - from: [{source: {notNamespaces: [traffic]}}]
    to: [{operation: {ports: ["8083"]}}]
  - to: [{operation: {paths: ["/admin", "/admin/*"], ports: ["8080"]}}]
    when: [{key: "request.headers[x-role]", notValues: [admin]}]""",
    )
    with traffic.applied(policies):
        client.until("http://guarded/admin/x", status(403))
        client.until("http://guarded/", status(200))
        client.until("http://guarded/admin", status(200), headers={"x-role": "admin"})
        assert client.tcp("guarded", 83)["data"] == "hello"
        assert stranger.tcp("guarded.traffic", 83)["data"] == ""
        assert traffic.pod("outsider").tcp(traffic.pod("guarded").address, 8083)["data"] == ""


def test_an_empty_policy_denies_everything(traffic: Mesh) -> None:
    client = traffic.pod("client")
    policy = POLICY.format(name="nothing", rest="")
    with traffic.applied(policy):
        client.until("http://guarded/", status(403))
        assert client.tcp("guarded", 83)["data"] == ""
        eventually(lambda: client.grpc("http://guarded:82")["status"], lambda found: found == "PERMISSION_DENIED")
