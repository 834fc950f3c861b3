"""Injected sidecars in a real cluster: who gets one, what it does to probes, metrics, start, death and shutdown."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.shell import Shell
from tests.e2e.traffic import eventually, namespace

pytestmark = pytest.mark.e2e

NS = "sidecars"
GRPC_HEALTH = """
import asyncio
from grpclib.health.service import Health
from grpclib.server import Server

async def run():
    server = Server([Health()])
    await server.start("0.0.0.0", 8085)
    await server.wait_closed()

asyncio.run(run())
"""

# A directory of files over HTTP: whether /ready exists decides the probe. It answers for a while after SIGTERM, as
# services behind a load balancer must: peers learn of its end a moment after itself.
FILES = (
    "mkdir -p /tmp/www && cd /tmp/www && echo 1 > ready && echo 'app_total 7' > metrics;"
    " trap 'sleep 2; exit 0' TERM; python3 -m http.server 8080 & wait $!"
)
STRICT = f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: {NS}}}
spec: {{mtls: {{mode: STRICT}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: server, namespace: {NS}}}
spec: {{selector: {{app: server}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
"""


def deployment(
    name: str, command: list[str], *, container: dict[str, Any] | None = None, replicas: int = 1,
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None,
) -> str:  # fmt: skip
    """One document; `container` adds fields to the application's container."""
    notes = {"tejer.io/command.app": json.dumps(command), **(annotations or {})}
    template = {
        "metadata": {"labels": {"app": name, **(labels or {})}, "annotations": notes},
        "spec": {"containers": [{"name": "app", "image": "test/app", **(container or {})}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NS}, "spec": spec}
    return json.dumps(body) + "\n---\n"


SERVER = deployment(
    "server", ["sh", "-c", FILES],
    container={"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}},
    annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"},
)  # fmt: skip
CLIENT = deployment("client", ["sleep", "infinity"])
ASK = f"kubectl -n {NS} exec deploy/client -c app -- curl -s -o /dev/null -w '%{{http_code}}' --max-time 5 http://server/ready"


@pytest.fixture(scope="module")
def world(mesh: Shell) -> Iterator[Shell]:
    """Namespace `sidecars`: STRICT mutual TLS, a server with a probe and metrics, a client."""
    apply(mesh, namespace(NS) + STRICT + SERVER + CLIENT)
    rolled_out(mesh, "server", "client")
    mesh.until(ASK, lambda result: result.out == "200", seconds=15)
    yield mesh
    mesh.ok(f"kubectl delete namespace {NS} --wait=false")


def apply(shell: Shell, manifests: str) -> None:
    shell.ok("kubectl apply -f -", stdin=manifests)


def rolled_out(shell: Shell, *names: str) -> None:
    for name in names:
        shell.ok(f"kubectl -n {NS} rollout status deploy/{name} --timeout=60s", timeout=70)


def pod_of(shell: Shell, name: str) -> dict[str, Any]:
    """The newest pod of a Deployment that is not being deleted."""
    items = json.loads(shell.ok(f"kubectl -n {NS} get pods -l app={name} -o json"))["items"]
    alive = [item for item in items if "deletionTimestamp" not in item["metadata"]]
    found: dict[str, Any] = max(alive, key=lambda item: str(item["metadata"]["creationTimestamp"]))
    return found


def is_ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])


def readiness(pod: dict[str, Any]) -> dict[str, bool]:
    return {status["name"]: status["ready"] for status in pod["status"].get("containerStatuses", ())}


def agent_get(shell: Shell, pod: dict[str, Any], path: str) -> str:
    return shell.ok(f"curl -s --max-time 5 http://{pod['status']['podIP']}:15020{path}")


def test_istio_init_comes_before_and_istio_proxy_stands_beside(world: Shell) -> None:
    pod = pod_of(world, "server")
    assert [c["name"] for c in pod["spec"]["initContainers"]] == ["istio-init"]
    assert [c["name"] for c in pod["spec"]["containers"]] == ["app", "istio-proxy"]
    assert pod["metadata"]["labels"]["security.istio.io/tlsMode"] == "istio"
    assert json.loads(pod["metadata"]["annotations"]["sidecar.istio.io/status"])["revision"] == "default"
    assert "2/2" in world.ok(f"kubectl -n {NS} get pod {pod['metadata']['name']} --no-headers")


def test_who_does_not_want_one_gets_none_and_who_asks_gets_one(world: Shell) -> None:
    apply(world, deployment("refuses", ["sleep", "infinity"], labels={"sidecar.istio.io/inject": "false"}))
    rolled_out(world, "refuses")
    assert len(pod_of(world, "refuses")["spec"]["containers"]) == 1
    asks = "metadata: {name: asks, namespace: default, labels: {sidecar.istio.io/inject: 'true'}}"
    notes = "spec: {containers: [{name: app, image: tejer/sleep}]}"
    world.ok("kubectl apply -f -", stdin=f"apiVersion: v1\nkind: Pod\n{asks}\n{notes}\n")
    try:
        names = world.ok("kubectl get pod asks -o jsonpath='{.spec.containers[*].name}'")
        assert names.split() == ["app", "istio-proxy"]
    finally:
        world.ok("kubectl delete pod asks --wait=false")
        world.ok(f"kubectl -n {NS} delete deploy refuses --wait=false")


def test_strict_refuses_plaintext_from_the_host_and_from_a_pod_without_a_sidecar(world: Shell) -> None:
    address = pod_of(world, "server")["status"]["podIP"]
    assert world.ok(ASK) == "200"
    assert world.run(f"curl -s --max-time 3 http://{address}:8080/ready").code in (52, 56)


def test_a_dead_application_goes_not_ready_under_strict(world: Shell) -> None:
    name = pod_of(world, "server")["metadata"]["name"]
    world.ok(f"kubectl -n {NS} exec {name} -c app -- mv /tmp/www/ready /tmp/www/gone")
    eventually(lambda: pod_of(world, "server"), lambda pod: not is_ready(pod), 10)
    world.ok(f"kubectl -n {NS} exec {name} -c app -- mv /tmp/www/gone /tmp/www/ready")
    eventually(lambda: pod_of(world, "server"), is_ready, 10)
    world.until(ASK, lambda result: result.out == "200", seconds=5)


@pytest.mark.parametrize(
    ("name", "command", "probe"),
    [
        ("tcp", ["sh", "-c", FILES], {"tcpSocket": {"port": 8080}}),
        ("grpc", [sys.executable, "-c", GRPC_HEALTH], {"grpc": {"port": 8085}}),
    ],
)
def test_tcp_and_grpc_probes_pass_under_strict(
    world: Shell, name: str, command: list[str], probe: dict[str, Any]
) -> None:
    apply(world, deployment(f"probed-{name}", command, container={"readinessProbe": {**probe, "periodSeconds": 1}}))
    try:
        rolled_out(world, f"probed-{name}")
        # A probe that nobody answers keeps the pod from being ready.
        closed = {kind: {**where, "port": 9999} for kind, where in probe.items()}
        body = {"readinessProbe": {**closed, "periodSeconds": 1}}
        apply(world, deployment(f"probed-{name}-not", command, container=body))
        eventually(
            lambda: pod_of(world, f"probed-{name}-not"),
            lambda pod: readiness(pod) == {"app": False, "istio-proxy": True},
            20,
        )  # fmt: skip
    finally:
        world.ok(f"kubectl -n {NS} delete deploy probed-{name} probed-{name}-not --wait=false --ignore-not-found")


def test_one_scrape_has_the_applications_metrics_too(world: Shell) -> None:
    assert world.ok(ASK) == "200"
    pod = pod_of(world, "server")
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == "15020"
    text = eventually(
        lambda: agent_get(world, pod, "/stats/prometheus"),
        lambda text: "istio_request_duration_milliseconds_bucket{" in text and "istio_requests_total{" in text,
        10,
    )
    assert text.rstrip().endswith("app_total 7")
    assert "envoy_istio_" not in text
    for line in text.splitlines():
        if line.startswith("istio_requests_total{"):
            assert '=""' not in line.replace('grpc_response_status=""', ""), line


def test_a_killed_envoy_comes_back_and_no_request_notices(world: Shell) -> None:
    world.ok(f"kubectl -n {NS} scale deploy/server --replicas=2")
    rolled_out(world, "server")
    pod = pod_of(world, "server")["metadata"]["name"]
    world.ok(f"kubectl -n {NS} exec {pod} -c istio-proxy -- sh -c 'kill -9 $(cat /proc/1/task/1/children)'")
    restarts = f"kubectl -n {NS} get pod {pod} -o json"

    def restarted(text: str) -> bool:
        statuses = {status["name"]: status for status in json.loads(text)["status"]["containerStatuses"]}
        assert statuses["app"]["restartCount"] == 0
        return bool(statuses["istio-proxy"]["restartCount"] == 1 and statuses["istio-proxy"]["ready"])

    eventually(lambda: world.ok(restarts), restarted, 30)
    last = json.loads(world.ok(restarts))["status"]["containerStatuses"]
    state = next(status for status in last if status["name"] == "istio-proxy")["lastState"]["terminated"]
    assert state["exitCode"] == 137
    world.until(ASK, lambda result: result.out == "200", seconds=5)
    world.ok(f"kubectl -n {NS} scale deploy/server --replicas=1")


def test_no_request_fails_while_sidecars_are_replaced(world: Shell) -> None:
    world.ok(f"kubectl -n {NS} scale deploy/server --replicas=2")
    rolled_out(world, "server")
    curl = 'curl -s -o /dev/null -w "%{http_code}\\n" --max-time 5 http://server/ready'
    loop = f"for i in $(seq 400); do {curl}; sleep 0.02; done"
    codes: list[str] = []

    def ask() -> None:
        codes.extend(
            world.ok(f"kubectl -n {NS} exec deploy/client -c app -- sh -c {shlex.quote(loop)}", timeout=120).split()
        )

    thread = threading.Thread(target=ask)
    thread.start()
    world.ok(f"kubectl -n {NS} rollout restart deploy/server")
    rolled_out(world, "server")
    thread.join()
    world.ok(f"kubectl -n {NS} scale deploy/server --replicas=1")
    assert len(codes) == 400
    assert set(codes) == {"200"}


def test_an_application_that_is_held_finds_its_sidecar_ready(world: Shell) -> None:
    command = ["sh", "-c", "curl -sf --max-time 2 http://server/ready || exit 1; exec sleep infinity"]
    apply(
        world,
        deployment("held", command, annotations={"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"}),
    )
    rolled_out(world, "held")
    pod = pod_of(world, "held")
    assert [c["name"] for c in pod["spec"]["containers"]] == ["istio-proxy", "app"]
    assert [status["restartCount"] for status in pod["status"]["containerStatuses"]] == [0, 0]
    world.ok(f"kubectl -n {NS} delete deploy held --wait=false")


def test_excluded_ports_pass_the_sidecar_by(world: Shell) -> None:
    apply(
        world,
        deployment("plain", ["sleep", "infinity"], annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "80"}),
    )
    rolled_out(world, "plain")
    # Around its own sidecar the client speaks plaintext, which the server's sidecar refuses.
    result = world.run(f"kubectl -n {NS} exec deploy/plain -c app -- curl -s --max-time 3 http://server/ready")
    assert result.code == 56
    world.ok(f"kubectl -n {NS} delete deploy plain --wait=false")


def test_a_mistyped_annotation_is_told_where_the_user_looks(world: Shell) -> None:
    apply(
        world,
        deployment("mistyped", ["sleep", "1"], annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "http"}),
    )
    events = f"kubectl -n {NS} get events --field-selector reason=FailedCreate"
    told = world.until(events, lambda result: "'http' is not a port" in result.out, seconds=15)
    assert "traffic.sidecar.istio.io/excludeOutboundPorts" in told.out
    world.ok(f"kubectl -n {NS} delete deploy mistyped --wait=false")


def test_what_the_proxy_container_is_and_costs(world: Shell) -> None:
    name = pod_of(world, "client")["metadata"]["name"]
    inside = f"kubectl -n {NS} exec {name} -c istio-proxy -- "
    assert '"state": "LIVE"' in world.ok(inside + "pilot-agent request GET /server_info")
    assert world.ok(inside + "id -u").strip() == "1337"
    status = world.ok(inside + "cat /proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    rollup = world.ok(inside + "cat /proc/1/smaps_rollup")
    pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    assert pss < 20 * 1024
    assert world.ok(inside + "stat -L -c %a /etc/istio/proxy/certs/key.pem").strip() == "600"
    # The application's container sees no key.
    assert world.run(f"kubectl -n {NS} exec {name} -c app -- ls /etc/istio/proxy/certs/key.pem").code != 0
