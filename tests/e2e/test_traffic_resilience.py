"""DestinationRule by traffic: limits, outlier detection, load balancing, subsets, TLS modes."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.e2e.traffic import Answer, Mesh, Pod, echoed, eventually, service, status

pytestmark = pytest.mark.e2e

POLICIES: dict[str, dict[str, Any]] = {
    "limited": {"connectionPool": {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}}},
    "limited-tcp": {"connectionPool": {"tcp": {"maxConnections": 1}}},
    "ejects": {"outlierDetection": {"consecutive5xxErrors": 3, "interval": "1s", "baseEjectionTime": "2s",
                                    "maxEjectionPercent": 100}},
    "hashed": {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}},
    "cookie": {"loadBalancer": {"consistentHash": {"httpCookie": {"name": "who", "ttl": "60s"}}}},
    "robin": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
    "plain": {"tls": {"mode": "DISABLE"}},
    "mutual": {"tls": {"mode": "ISTIO_MUTUAL"}},
}  # fmt: skip


def destination_rule(name: str, policy: dict[str, Any], **spec: Any) -> str:
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": "traffic"},
        "spec": {"host": name, "trafficPolicy": policy, **spec},
    }
    return f"{json.dumps(body)}\n---\n"


@pytest.fixture(scope="module")
def client(traffic: Mesh) -> Pod:
    traffic.apply("".join(service(host, "traffic", {"app": "server"}) for host in POLICIES))
    traffic.apply("".join(destination_rule(host, policy) for host, policy in POLICIES.items()))
    client = traffic.pod("client")
    # Objects are pushed in the order of their creation: when the last ones count, all do.
    client.until("http://plain/", lambda answer: answer["status"] == 200 and not identity(answer))
    client.until("http://mutual/", status(200))
    return client


def identity(answer: Answer) -> str:
    return str(echoed(answer)["headers"].get("x-forwarded-client-cert", ""))


def pods(answers: list[Answer]) -> Counter[str]:
    return Counter(answer["headers"].get("x-pod", "") for answer in answers)


def test_too_many_requests_overflow(client: Pod, traffic: Mesh) -> None:
    """One connection and one waiting request for each of Envoy's workers; the rest are answered 503 at once."""
    answers = client.many("http://limited/delay/1", 20, at_once=True)
    codes = Counter(answer["status"] for answer in answers)
    assert codes[503] >= 10, codes
    assert codes[200] >= 1, codes
    refused = next(answer for answer in answers if answer["status"] == 503)
    assert refused["headers"]["x-envoy-overloaded"] == "true"
    assert "overflow" in refused["body"]


def test_too_many_connections_overflow(client: Pod) -> None:
    job = {"kind": "tcp", "host": "limited-tcp", "port": 84, "send": "", "hold": 1, "at_once": 12}
    answers = client.run(job)[0]
    assert any(answer["data"].startswith("220") for answer in answers)
    assert sum(answer["data"] == "" for answer in answers) >= 6, answers


def test_an_endpoint_that_fails_is_ejected_and_comes_back(client: Pod, traffic: Mesh) -> None:
    bad = traffic.pod("server-v2")
    name = bad.pods()[0]["metadata"]["name"]
    url = f"http://{bad.address}:8080"
    outsider = traffic.pod("outsider")
    outsider.http(f"{url}/break")
    try:
        client.many("http://ejects/", 30)
        eventually(lambda: pods(client.many("http://ejects/", 10))[name], lambda count: count == 0)
    finally:
        outsider.http(f"{url}/mend")
    eventually(lambda: pods(client.many("http://ejects/", 10))[name], lambda count: count > 0, 15)


def test_consistent_hash(client: Pod) -> None:
    users = {user: pods(client.many("http://hashed/", 6, headers={"x-user": user})) for user in map(str, range(8))}
    assert all(len(found) == 1 for found in users.values()), users
    assert len({next(iter(found)) for found in users.values()}) == 2, users
    cookie = client.http("http://cookie/")["headers"]["set-cookie"]
    assert cookie.startswith("who=")
    found = pods(client.many("http://cookie/", 10, headers={"cookie": cookie.split(";")[0]}))
    assert len(found) == 1, found


def test_round_robin(client: Pod) -> None:
    assert all(
        8 <= count <= 12 for count in pods(client.many("http://robin/", 20)).values()
    )  # each worker has its turn


def test_tls_modes(client: Pod) -> None:
    assert identity(client.http("http://plain/")) == ""
    assert "ns/traffic/sa/client" in identity(client.http("http://mutual/"))


def test_tls_origination(client: Pod, traffic: Mesh) -> None:
    """`SIMPLE`: the sidecar speaks TLS to a server that has a certificate of its own."""
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "secure", "namespace": "traffic"},
        "spec": {
            "hosts": ["secure.test"], "addresses": ["240.1.1.1"], "resolution": "STATIC", "location": "MESH_EXTERNAL",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8443}],
            "endpoints": [{"address": traffic.pod("outsider").address}],
        },
    }  # fmt: skip
    rule = destination_rule("secure.test", {"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}})
    with traffic.applied(json.dumps(entry) + "\n---\n" + rule):
        answer = client.until("http://240.1.1.1/", status(200), headers={"host": "secure.test"})
    assert echoed(answer)["scheme"] == "https"
