"""The sample's four policies, each proved by traffic: STRICT, circuit breaker, canary with retries, zero trust."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections import Counter
from typing import Any

import pytest

from tests.e2e.traffic import PROGRAM, Mesh, eventually

pytestmark = pytest.mark.e2e

ASK = """
import collections, concurrent.futures, json, sys, time, urllib.error, urllib.request
method, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
def ask(_):
    start = time.monotonic()
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=20)
        status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    except OSError as error:
        status, text = 0, str(error)
    return status, text, time.monotonic() - start
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    print(json.dumps(list(pool.map(ask, range(count)))))
"""
API = "http://finance-api:8000"


def ask(traffic: Mesh, path: str, count: int = 1, method: str = "GET") -> list[tuple[int, str, float]]:
    """(status, text, seconds) of requests from the load generator's pod, twenty at a time."""
    traffic.shell.env |= {"ASK": ASK, "PYTHON": sys.executable}
    out = traffic.shell.ok(
        'kubectl exec -n finance-app deploy/load-generator -c load-generator -- $PYTHON -c "$ASK" '
        f"{method} {API}{path} {count}"
    )
    return [(status, text, seconds) for status, text, seconds in json.loads(out)]


def address(traffic: Mesh, app: str) -> str:
    return traffic.shell.ok(
        f"kubectl get pods -n finance-app -l app={app} --field-selector=status.phase=Running "
        "-o jsonpath='{.items[0].status.podIP}'"
    )


def test_strict_mutual_tls(traffic: Mesh) -> None:
    outsider = traffic.pod("outsider")
    for app, port in (("finance-api", 8000), ("postgres", 5432)):
        answer = outsider.tcp(address(traffic, app), port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer["data"] == "", answer


def test_zero_trust(traffic: Mesh) -> None:
    """Granted calls pass; other methods, paths, callers and ports are denied."""
    assert ask(traffic, "/accounts")[0][0] == 200
    assert ask(traffic, "/accounts/1", method="DELETE")[0][:2] == (403, "RBAC: access denied")
    assert ask(traffic, "/docs")[0][0] == 403
    client = traffic.pod("client")
    assert client.http(f"{API.replace(':8000', '.finance-app:8000')}/version")["status"] == 403
    assert client.tcp("postgres.finance-app", 5432, "\x00\x00\x00\x08\x04\xd2\x16\x2f")["data"] == ""


def test_canary(traffic: Mesh) -> None:
    answers = ask(traffic, "/version", 200)
    assert {status for status, _, _ in answers} == {200}
    versions = Counter(json.loads(text)["version"] for _, text, _ in answers)
    assert versions["v1"] + versions["v2"] == 200
    assert 5 <= versions["v2"] <= 45, versions


def hanging_v2(traffic: Mesh) -> str:
    """A second pod of v2 that passes its probes and answers nothing else."""
    found: dict[str, Any] = json.loads(traffic.shell.ok("kubectl get deployment finance-api-v2 -n finance-app -o json"))
    template = found["spec"]["template"]
    template["metadata"].setdefault("annotations", {})["tejer.io/command.finance-api"] = json.dumps(
        [sys.executable, str(PROGRAM)]
    )
    container = template["spec"]["containers"][0]
    container["env"] += [{"name": "HTTP_PORT", "value": "8000"}, {"name": "HANGS", "value": "1"}]
    labels = template["metadata"]["labels"] | {"pod": "hanging"}
    template["metadata"]["labels"] = labels
    return json.dumps(
        {
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "hanging", "namespace": "finance-app"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )  # fmt: skip


def test_timeouts_retries_and_the_circuit_breaker(traffic: Mesh) -> None:
    """A pod that hangs costs its callers one try of two seconds, then is left alone; no request fails."""
    with traffic.applied(hanging_v2(traffic)):
        traffic.shell.ok("kubectl rollout status deployment/hanging -n finance-app --timeout=60s")
        hanging = traffic.shell.ok(
            "kubectl get pods -n finance-app -l pod=hanging -o jsonpath='{.items[0].status.podIP}'"
        )
        command = "istioctl proxy-config endpoints deploy/load-generator -n finance-app"
        answers: list[tuple[int, str, float]] = []

        def ejected() -> bool:
            answers.extend(ask(traffic, "/version", 200))
            rows = [row for row in traffic.shell.ok(command).splitlines() if f"{hanging}:8000" in row]
            return any("FAILED" in row and "|v2|" in row for row in rows)

        eventually(ejected, bool, 30)
        assert {status for status, _, _ in answers} == {200}
        slowest = max(seconds for _, _, seconds in answers)
        assert 2 <= slowest < 10, slowest
        calm = ask(traffic, "/version", 100)
        assert max(seconds for _, _, seconds in calm) < 2


def failures(traffic: Mesh) -> float:
    """Requests of the load generator's sidecar that were not answered with a 2xx."""
    url = f"http://{address(traffic, 'load-generator')}:15020/stats/prometheus"
    text = urllib.request.urlopen(url, timeout=10).read().decode()
    counts = re.findall(r'^istio_requests_total\{.*response_code="([03-5]\d*)".*\} (\S+)$', text, re.MULTILINE)
    return sum(float(count) for _, count in counts)


def test_a_rolling_restart_is_not_noticed_by_the_load_generator(traffic: Mesh) -> None:
    before = failures(traffic)
    traffic.shell.ok("kubectl rollout restart deployment/finance-api-v1 deployment/finance-api-v2 -n finance-app")
    for name in ("finance-api-v1", "finance-api-v2"):
        traffic.shell.ok(f"kubectl rollout status deployment/{name} -n finance-app --timeout=90s")
        assert {status for status, _, _ in ask(traffic, "/version", 50)} == {200}
    assert failures(traffic) == before
