"""What goes wrong harms only itself: dying applications, expiring certificates, objects that make no sense."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.traffic import Mesh, Pod, deployment, eventually, service, status

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def client(traffic: Mesh) -> Pod:
    client = traffic.pod("client")
    client.until("http://server/", status(200))
    return client


def process_of(pod: str, program: str) -> int:
    """The host's id of the process of a pod whose command line has `program`."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"POD_NAME={pod}\0" in (folder / "environ").read_text() and program in (folder / "cmdline").read_text():
                return int(folder.name)
        except (OSError, UnicodeDecodeError):
            continue
    raise AssertionError(f"no process {program} in {pod}")


@pytest.mark.parametrize(("container", "program"), [("app", "workload.py"), ("istio-proxy", "envoy-rev.json")])
def test_a_killed_process_is_replaced_and_requests_go_elsewhere(
    client: Pod, traffic: Mesh, container: str, program: str
) -> None:
    server = traffic.pod("server-v2")
    pod = server.pods()[0]

    def restarts() -> int:
        states = server.pods()[0]["status"]["containerStatuses"]
        return int(next(state["restartCount"] for state in states if state["name"] == container))

    def ready() -> bool:
        slices = json.loads(traffic.shell.ok("kubectl get endpointslices -n traffic -o json"))["items"]
        return any(
            endpoint["conditions"]["ready"]
            for found in slices if found["metadata"]["labels"]["kubernetes.io/service-name"] == "server"
            for endpoint in found["endpoints"] if endpoint["targetRef"]["name"] == pod["metadata"]["name"]
        )  # fmt: skip

    before = restarts()
    assert ready()
    name = pod["metadata"]["name"]
    os.kill(process_of(name, program), signal.SIGKILL)
    eventually(ready, lambda is_ready: not is_ready, 20)
    elsewhere = client.many("http://server/", 20)[5:]  # the news takes a moment
    assert {answer["status"] for answer in elsewhere} == {200}
    eventually(restarts, lambda count: count == before + 1, 20)
    eventually(ready, bool, 20)
    eventually(lambda: str(client.many("http://server/", 10)), lambda seen: name in seen)


def test_certificates_rotate_without_dropping_a_connection(traffic: Mesh) -> None:
    """SECRET_TTL makes them short-lived; one connection lives through several of them."""
    ttl = {"proxy.istio.io/config": json.dumps({"proxyMetadata": {"SECRET_TTL": "6s"}})}
    hasty_pod = deployment("hasty", "traffic", {"app": "hasty"}, annotations=ttl)
    traffic.apply(hasty_pod + service("hasty", "traffic", {"app": "hasty"}))
    traffic.shell.ok("kubectl rollout status deployment/hasty -n traffic --timeout=60s")
    hasty, guarded = traffic.pod("hasty"), traffic.pod("guarded")
    assert guarded.tcp("hasty", 83)["data"] == "hello"

    def serial() -> str:
        command = "istioctl proxy-config secret deploy/hasty -n traffic"
        line = next(row for row in traffic.shell.ok(command).splitlines() if row.startswith("default"))
        return next(word for word in line.split() if len(word) >= 16 and "-" not in word)

    first = serial()
    out, back = (
        pod.run({"kind": "session", "host": host, "port": 83, "hold": 7})[0][0]
        for pod, host in ((guarded, "hasty"), (hasty, "guarded"))
    )
    assert "error" not in out | back, (out, back)
    assert serial() != first
    assert hasty.tcp("guarded", 83)["data"] == guarded.tcp("hasty", 83)["data"] == "hello", "new connections too"
    traffic.delete(hasty_pod)


NO_SUBSET = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: nowhere, namespace: traffic}
spec:
  hosts: [nowhere]
  http:
  - match: [{uri: {prefix: /lost}}]
    route: [{destination: {host: nowhere, subset: missing}}]
  - route: [{destination: {host: nowhere}}]
---
"""


def test_a_route_to_a_missing_subset_fails_alone_and_is_analyzed(client: Pod, traffic: Mesh) -> None:
    with traffic.applied(service("nowhere", "traffic", {"app": "server"})):
        client.until("http://nowhere/", status(200))
        with traffic.applied(NO_SUBSET):
            answers = client.many("http://nowhere/", 60)
            assert {answer["status"] for answer in answers} == {200}, "the host's other routes serve on"
            client.until("http://nowhere/lost", status(503))
            assert client.http("http://nowhere/")["status"] == client.http("http://server/")["status"] == 200
            analysis = traffic.shell.run("istioctl analyze -n traffic").text
            assert "IST0101" in analysis
            assert "missing" in analysis
