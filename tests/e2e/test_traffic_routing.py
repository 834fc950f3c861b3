"""VirtualService by traffic. Each test has a Service of its own before the same two servers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.e2e.traffic import Answer, Mesh, Pod, echoed, eventually, service, status

pytestmark = pytest.mark.e2e

HOSTS = ("match", "weights", "timeout", "retry", "fault", "moved", "change", "mirror", "cors")
V1, V2 = {"host": "server", "subset": "v1"}, {"host": "server", "subset": "v2"}
TO_V1, TO_V2 = [{"destination": V1}], [{"destination": V2}]

SUBSETS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server, namespace: traffic}
spec:
  host: server
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
"""
ROUTES: dict[str, list[dict[str, Any]]] = {
    "match": [
        {"match": [{"uri": {"exact": "/exact"}}, {"uri": {"regex": "/r[0-9]+"}}], "route": TO_V2},
        {"match": [{"uri": {"prefix": "/both"}, "headers": {"x-who": {"exact": "me"}}}], "route": TO_V2},
        {"match": [{"method": {"exact": "POST"}}, {"queryParams": {"q": {"exact": "2"}}}], "route": TO_V2},
        {"match": [{"headers": {"x-on": {}}, "withoutHeaders": {"x-off": {}}}], "route": TO_V2},
        {"match": [{"uri": {"prefix": "/UPPER"}, "ignoreUriCase": True}], "route": TO_V2},
        {"match": [{"sourceLabels": {"app": "stranger"}}], "route": TO_V2},
        {"route": TO_V1},
    ],
    "weights": [{"route": [{"destination": V1, "weight": 75}, {"destination": V2, "weight": 25}]}],
    "timeout": [{"timeout": "0.3s", "route": TO_V1}],
    "retry": [
        {
            "match": [{"uri": {"prefix": "/slow"}}],
            "retries": {"attempts": 1, "perTryTimeout": "0.2s", "retryOn": "5xx"},
            "rewrite": {"uri": "/delay/4"},
            "route": TO_V1,
        },
        {"match": [{"method": {"exact": "PUT"}}], "retries": {"attempts": 0}, "route": TO_V1},
        {"retries": {"attempts": 3, "retryOn": "5xx"}, "route": TO_V1},
    ],
    "fault": [
        {
            "match": [{"uri": {"prefix": "/late"}}],
            "fault": {"delay": {"fixedDelay": "0.5s", "percentage": {"value": 100}}},
            "route": TO_V1,
        },
        {"fault": {"abort": {"httpStatus": 418, "percentage": {"value": 50}}}, "route": TO_V1},
    ],
    "moved": [
        {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new", "authority": "there", "redirectCode": 302}},
        {"match": [{"uri": {"exact": "/told"}}], "directResponse": {"status": 409, "body": {"string": "no"}}},
        {"match": [{"uri": {"prefix": "/app/"}}], "rewrite": {"uri": "/", "authority": "renamed"}, "route": TO_V1},
    ],
    "change": [
        {
            "headers": {
                "request": {"set": {"x-set": "a"}, "add": {"x-add": "b"}, "remove": ["x-remove"]},
                "response": {"set": {"x-answer": "c"}, "remove": ["x-internal"]},
            },
            "route": TO_V1,
        }
    ],
    "cors": [{"corsPolicy": {"allowOrigins": [{"exact": "https://here"}], "allowMethods": ["GET"]}, "route": TO_V1}],
    "mirror": [{"mirror": V2, "mirrorPercentage": {"value": 100}, "route": TO_V1}],
}


def virtual_service(name: str, **spec: Any) -> str:
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "traffic"},
        "spec": {"hosts": [name], **spec},
    }
    return f"{json.dumps(body)}\n---\n"


TCP = virtual_service(
    "weighted-tcp",
    tcp=[
        {"match": [{"port": 84}], "route": TO_V1},
        {"route": [{"destination": {**V1, "port": {"number": 83}}, "weight": 50},
                   {"destination": {**V2, "port": {"number": 83}}, "weight": 50}]},
    ],
)  # fmt: skip


SNIFFED = (
    service("sniffed", "traffic", {"app": "server"}, [{"port": 81, "targetPort": 8081}])
    + virtual_service(
        "sniffed", http=[{"route": [{"destination": V1, "weight": 50}, {"destination": V2, "weight": 50}]}]
    ).replace('"host": "server"', '"host": "sniffed"')
    + SUBSETS.replace("server", "sniffed")
)


@pytest.fixture(scope="module")
def client(traffic: Mesh) -> Pod:
    hosts = (*HOSTS, "weighted-tcp")
    traffic.apply("".join(service(host, "traffic", {"app": "server"}) for host in hosts))
    traffic.apply(SNIFFED + SUBSETS + TCP + "".join(virtual_service(host, http=http) for host, http in ROUTES.items()))
    client = traffic.pod("client")
    client.until("http://moved/told", status(409))
    client.until("http://match/exact", lambda answer: version(answer) == "v2")
    return client


def version(answer: Answer) -> str:
    """Which server answered: v1 or v2."""
    return "-".join(answer["headers"]["x-pod"].split("-")[1:2])


def test_match_on_uri_headers_method_query_and_source(client: Pod, traffic: Mesh) -> None:
    def went(path: str, method: str = "GET", **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return version(client.http(f"http://match{path}", method, headers=named))

    assert [went("/exact"), went("/r12"), went("/exact/not"), went("/rx")] == ["v2", "v2", "v1", "v1"]
    assert [went("/both", x_who="me"), went("/both"), went("/", x_who="me")] == ["v2", "v1", "v1"]
    assert [went("/", "POST"), went("/?q=2"), went("/?q=22")] == ["v2", "v2", "v1"]
    assert [went("/", x_on="1"), went("/", x_on="1", x_off="1")] == ["v2", "v1"]
    assert went("/upper/x") == "v2"
    stranger = traffic.pod("stranger", "other")
    assert version(stranger.until("http://match.traffic/", status(200))) == "v2"


def test_weights(client: Pod) -> None:
    shares = Counter(version(answer) for answer in client.many("http://weights/", 200, at_once=True))
    assert shares["v1"] + shares["v2"] == 200
    assert 30 <= shares["v2"] <= 75, shares


def test_timeout(client: Pod) -> None:
    answer = client.http("http://timeout/delay/5")
    assert (answer["status"], answer["body"]) == (504, "upstream request timeout")
    assert 0.25 < answer["seconds"] < 2


def test_retries_are_counted_at_the_server(client: Pod) -> None:
    """`attempts: 3` means four tries at most."""
    assert client.http("http://retry/flaky/3/a")["status"] == 200
    assert client.http("http://retry/flaky/4/b")["status"] == 503
    assert client.http("http://retry/flaky/1/c", "PUT")["status"] == 503
    assert client.http("http://retry/slow")["status"] == 504
    seen = json.loads(client.http("http://retry/seen")["body"])
    assert {path: seen[path] for path in ("/flaky/3/a", "/flaky/4/b", "/flaky/1/c", "/delay/4")} == {
        "/flaky/3/a": 4, "/flaky/4/b": 4, "/flaky/1/c": 1, "/delay/4": 2,
    }  # fmt: skip


def test_faults(client: Pod) -> None:
    late = client.http("http://fault/late")
    assert late["status"] == 200
    assert late["seconds"] > 0.5
    codes = Counter(answer["status"] for answer in client.many("http://fault/", 100, at_once=True))
    assert codes[200] + codes[418] == 100
    assert 25 <= codes[418] <= 75, codes


def test_cors_is_answered_before_the_application(client: Pod) -> None:
    def asked(origin: str) -> dict[str, str]:
        wish = {"origin": origin, "access-control-request-method": "GET"}
        headers: dict[str, str] = client.http("http://cors/", "OPTIONS", headers=wish)["headers"]
        return headers

    ours = asked("https://here")
    assert (ours["access-control-allow-origin"], ours["access-control-allow-methods"]) == ("https://here", "GET")
    assert "x-pod" not in ours
    assert "access-control-allow-origin" not in asked("https://elsewhere")


def test_a_sniffed_port_speaks_the_callers_protocol_by_weight(client: Pod) -> None:
    answers = [client.http("http://sniffed:81/", h2=True) for _ in range(20)]
    assert {(answer["status"], echoed(answer)["version"]) for answer in answers} == {(200, "2")}
    assert {version(answer) for answer in answers} == {"v1", "v2"}


def test_redirect_direct_response_and_rewrite(client: Pod) -> None:
    moved = client.http("http://moved/old")
    assert (moved["status"], moved["headers"]["location"]) == (302, "http://there/new")
    told = client.http("http://moved/told")
    assert (told["status"], told["body"]) == (409, "no")
    rewritten = echoed(client.http("http://moved/app/x?y=1"))
    assert (rewritten["path"], rewritten["headers"]["host"]) == ("/x?y=1", "renamed")
    assert client.http("http://moved/nothing-matches")["status"] == 404


def test_header_changes(client: Pod) -> None:
    answer = client.http("http://change/", headers={"x-remove": "1", "x-add": "a"})
    seen = echoed(answer)["headers"]
    assert (seen["x-set"], "x-remove" in seen) == ("a", False)
    assert seen["x-add"] in ("b", "a,b", "a, b")
    assert answer["headers"]["x-answer"] == "c"
    assert "x-internal" not in answer["headers"]


def test_mirror(client: Pod, traffic: Mesh) -> None:
    for _ in range(3):
        assert version(client.http("http://mirror/status/201")) == "v1"

    def mirrored() -> int:
        seen = traffic.pod("outsider").http(f"http://{traffic.pod('server-v2').address}:8080/seen")
        return int(json.loads(seen["body"]).get("/status/201", 0))

    eventually(mirrored, lambda count: count == 3)


def test_tcp_routes(client: Pod) -> None:
    jobs = {"kind": "tcp", "host": "weighted-tcp", "port": 83, "send": "who", "times": 30}
    names = Counter("-".join(answer["data"].split("-")[:2]) for answer in client.run(jobs)[0])
    assert names["server-v1"] + names["server-v2"] == 30
    assert min(names.values()) >= 3, names
