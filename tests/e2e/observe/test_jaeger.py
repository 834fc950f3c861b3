"""Jaeger's place on a running mesh: pods send by every door, RBAC decides who asks, kill -9 loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clusters import free_ports
from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e

CLIENTS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: trace-reader, namespace: istio-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: trace-stranger, namespace: istio-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reads-traces, namespace: istio-system}
rules: [{apiGroups: [""], resources: [services/proxy], resourceNames: [tracing], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads-traces, namespace: istio-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads-traces}
subjects: [{kind: ServiceAccount, name: trace-reader, namespace: istio-system}]
---
apiVersion: v1
kind: Pod
metadata: {name: span-sender, namespace: default}
spec:
  containers: [{name: curl, image: tejer/curl}]
"""
PROVIDERS = """
extensionProviders:
- name: jaeger
  opentelemetry: {service: jaeger-collector.istio-system.svc.cluster.local, port: 4317}
- name: jaeger-logs
  envoyOtelAls: {service: jaeger-collector.istio-system.svc.cluster.local, port: 4317}
"""
REPORTING = """
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: reporting, namespace: istio-system}
spec:
  tracing: [{providers: [{name: jaeger}], randomSamplingPercentage: 100}]
  accessLogging: [{providers: [{name: jaeger-logs}]}]
"""
PATCH = "kubectl patch configmap istio -n istio-system --type merge -p '{}'"
TRACE = "5b8efff798038103d269b633813fc60c"
COLLECTOR = "jaeger-collector.istio-system"


@dataclass
class Jaeger:
    """The server, forwarded to this machine, and a token that may read it."""

    shell: Shell
    port: int
    token: str

    def get(self, path: str, *, token: str | None = None, **query: str) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}")
        bearer = self.token if token is None else token
        if bearer:
            request.add_header("Authorization", f"Bearer {bearer}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def until(self, path: str, good: Callable[[Any], bool], *, seconds: float = 60, **query: str) -> Any:
        """Ask again until the answer is 200 and `good`; the pod may be on its way up."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                status, answer = self.get(path, **query)
            except OSError as error:
                status, answer = 0, error
            if status == 200 and good(answer):
                return answer
            assert time.monotonic() < deadline, f"after {seconds} s: {path} {query}: {status} {answer}"
            time.sleep(0.3)

    def send(self, url: str, body: Any) -> str:
        """From a pod, as any pod may."""
        told = self.shell.ok(
            f"kubectl exec -i -n default span-sender -- curl -sS -m 20 -w ' %{{http_code}}' {url} "
            "-H 'Content-Type: application/json' --data-binary @-",
            stdin=json.dumps(body),
        )
        return told.strip()


@pytest.fixture(scope="module")
def jaeger(mesh: Shell) -> Iterator[Jaeger]:
    mesh.ok("kubectl apply -f samples/addons/jaeger.yaml")
    mesh.ok("kubectl apply -f -", stdin=CLIENTS)
    try:
        mesh.ok("kubectl rollout status deployment/jaeger -n istio-system --timeout=120s", timeout=150)
        mesh.ok("kubectl wait --for=condition=Ready pod/span-sender -n default --timeout=90s")
        token = mesh.ok("kubectl create token trace-reader -n istio-system").strip()
        with forwarded(mesh) as port:
            server = Jaeger(mesh, port, token)
            server.until("/api/services", lambda _: True)
            yield server
    finally:
        mesh.ok("kubectl delete --wait -f -", stdin=CLIENTS)
        mesh.ok("kubectl delete --wait -f samples/addons/jaeger.yaml")


@contextmanager
def forwarded(shell: Shell) -> Iterator[int]:
    """`kubectl port-forward`, begun again where the pod behind it went."""
    port = free_ports(1)[0]
    line = f"while :; do kubectl port-forward -n istio-system svc/tracing {port}:80 >/dev/null 2>&1; sleep 0.2; done"
    process = subprocess.Popen(["bash", "-c", line], env=shell.env, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def otlp(trace: str, name: str, service: str) -> dict[str, Any]:
    now = time.time_ns()
    span = {
        "traceId": trace, "spanId": "eee19b7ec3c1b174", "name": name, "kind": 3,
        "startTimeUnixNano": str(now - 5_000_000), "endTimeUnixNano": str(now),
        "attributes": [{"key": "guid:x-request-id", "value": {"stringValue": "req-" + trace}}],
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


def test_pods_send_by_otlp_and_zipkin_and_logs_join(jaeger: Jaeger) -> None:
    assert jaeger.send(f"http://{COLLECTOR}:4318/v1/traces", otlp(TRACE, "call", "sender.default")) == "{} 200"
    server = {
        "traceId": TRACE, "id": "eee19b7ec3c1b174", "kind": "SERVER", "shared": True, "name": "answer",
        "timestamp": time.time_ns() // 1000 - 4000, "duration": 3000,
        "localEndpoint": {"serviceName": "receiver.default"},
    }  # fmt: skip
    assert jaeger.send("http://zipkin.istio-system:9411/api/v2/spans", [server]) == "202"
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": f'"GET / HTTP/1.1" 200 "req-{TRACE}"'},
              "attributes": [{"key": "request_id", "value": {"stringValue": "req-" + TRACE}}]}  # fmt: skip
    node = [{"key": "node_name", "value": {"stringValue": "sidecar~10.0.0.9~receiver-7d9f8b6c5d-x2x4z.default~c"}}]
    logs = {"resourceLogs": [{"resource": {"attributes": node}, "scopeLogs": [{"logRecords": [record]}]}]}
    assert jaeger.send(f"http://{COLLECTOR}:4318/v1/logs", logs) == "{} 200"

    answer = jaeger.until(f"/api/traces/{TRACE}", lambda answer: len(answer["data"][0]["spans"]) == 2)
    call, reply = answer["data"][0]["spans"]
    assert reply["references"][0]["spanID"] == call["spanID"] != reply["spanID"]
    assert {"sender.default", "receiver.default"} <= set(jaeger.get("/api/v3/services")[1]["services"])
    found = jaeger.get("/api/logs", trace_id=TRACE)[1]["logs"]
    assert [(log["workload"], log["namespace"], log["requestId"]) for log in found] == [
        ("receiver", "default", "req-" + TRACE)
    ]


def test_who_may_ask(jaeger: Jaeger) -> None:
    stranger = jaeger.shell.ok("kubectl create token trace-stranger -n istio-system").strip()
    assert jaeger.get("/api/services", token="")[0] == 401
    assert jaeger.get("/api/services", token=stranger)[0] == 403
    assert jaeger.get("/api/services")[0] == 200


@contextmanager
def reporting(shell: Shell) -> Iterator[None]:
    """The whole mesh sends every span and log record to Jaeger's place."""
    before = shell.ok("kubectl get configmap istio -n istio-system -o jsonpath='{.data.mesh}'")
    shell.ok(PATCH.format(json.dumps({"data": {"mesh": f"{before.rstrip()}\n{PROVIDERS}"}})))
    shell.ok("kubectl apply -f -", stdin=REPORTING)
    try:
        yield
    finally:
        shell.ok("kubectl delete -f -", stdin=REPORTING)
        shell.ok(PATCH.format(json.dumps({"data": {"mesh": before}})))


def test_one_request_through_the_mesh_is_one_trace_with_its_logs(jaeger: Jaeger) -> None:
    gateway, application = "istio-ingressgateway.istio-system", "finance-api.finance-app"
    with reporting(jaeger.shell):
        traces = []

        def whole(answer: Any) -> bool:
            return {gateway, application} <= {one["serviceName"] for one in answer["data"][0]["processes"].values()}

        # The first requests may go by the configuration from before.
        deadline = time.monotonic() + 90
        while True:
            traces.append(uuid.uuid4().hex)
            jaeger.shell.ok(f"curl -sf -m 10 -H 'traceparent: 00-{traces[-1]}-00f067aa0ba902b7-01' $HTTP/version")
            found = [(trace, jaeger.get(f"/api/traces/{trace}")) for trace in traces]
            complete = [(trace, answer) for trace, (status, answer) in found if status == 200 and whole(answer)]
            if complete:
                break
            assert time.monotonic() < deadline, found[-1]
            time.sleep(1)
        trace, answer = complete[0]
        spans = {span["spanID"]: span for span in answer["data"][0]["spans"]}
        services = {
            key: answer["data"][0]["processes"][span["processID"]]["serviceName"] for key, span in spans.items()
        }
        callers = {
            services.get(span["references"][0]["spanID"], "")
            for key, span in spans.items()
            if services[key] == application
        }
        assert callers & {gateway}, answer

        logs = jaeger.until("/api/logs", lambda answer: len(answer["logs"]) >= 2, trace_id=trace)["logs"]
        workloads = {log["workload"].removesuffix("-v1").removesuffix("-v2") for log in logs}
        assert workloads >= {"istio-ingressgateway", "finance-api"}
        assert len({log["requestId"] for log in logs}) == 1
        (request,) = {log["requestId"] for log in logs}
        of_request = jaeger.get("/api/logs", request_id=request)[1]["logs"]
        assert all(log in of_request for log in logs)


def test_a_killed_server_comes_back_with_its_traces(jaeger: Jaeger) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert jaeger.send(f"http://{COLLECTOR}:4318/v1/traces", otlp(trace, "before", "sender.default")) == "{} 200"
    before = jaeger.shell.ok(RESTARTS)
    os.kill(server(jaeger.shell), signal.SIGKILL)
    jaeger.shell.until(RESTARTS, lambda result: result.out != before)
    jaeger.until(f"/api/traces/{trace}", lambda answer: answer["data"][0]["spans"][0]["operationName"] == "before")


RESTARTS = (
    "kubectl get pods -n istio-system -l app=jaeger -o jsonpath='{.items[0].status.containerStatuses[0].restartCount}'"
)


def server(shell: Shell) -> int:
    """The pid on this machine of the pod's server."""
    name = shell.ok("kubectl get pods -n istio-system -l app=jaeger -o name").strip().removeprefix("pod/").encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"tejer.observe.traces.main" in command and name in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return min(found)
