"""istiod dies and comes back in a real cluster: traffic goes on, proxies return, new pods wait and then start."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clusters import private_cluster
from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e

SERVER = """
apiVersion: v1
kind: Namespace
metadata: {name: demo, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: demo}
spec:
  selector: {matchLabels: {app: server}}
  template:
    metadata:
      labels: {app: server}
      annotations: {tejer.io/command.app: '["python3", "-m", "http.server", "8080"]'}
    spec: {containers: [{name: app, image: server}]}
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: demo}
spec: {selector: {app: server}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: client, namespace: demo}
spec:
  selector: {matchLabels: {app: client}}
  template:
    metadata:
      labels: {app: client}
      annotations: {tejer.io/command.app: '["sleep", "infinity"]'}
    spec: {containers: [{name: app, image: client}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: demo}
spec: {mtls: {mode: STRICT}}
"""
ABORT = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: server, namespace: demo}
spec:
  hosts: [server]
  http: [{fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, route: [{destination: {host: server}}]}]
"""
ASK = "kubectl -n demo exec deploy/client -c app -- curl -s -o /dev/null -w '%{http_code}' http://server/"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with private_cluster(tmp_path_factory.mktemp("istiod")) as shell:
        shell.ok("tejer up $UP")
        shell.ok("kubectl apply -f -", stdin=SERVER)
        shell.ok("kubectl -n demo rollout status deploy/server deploy/client --timeout=60s")
        shell.until(ASK, lambda result: result.out == "200")
        yield shell


def istiod_pod(shell: Shell) -> str:
    return shell.ok("kubectl -n istio-system get pod -l app=istiod -o jsonpath='{.items[0].metadata.name}'")


def kill_istiod(shell: Shell) -> None:
    name = f"POD_NAME={istiod_pod(shell)}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"tejer.istiod.main" in command and name in environment.split(b"\0"):
            os.kill(int(entry.name), signal.SIGKILL)
            return
    raise AssertionError("istiod's process was not found")


def test_killed_istiod_leaves_traffic_alone_and_serves_again(cluster: Shell) -> None:
    kill_istiod(cluster)
    for _ in range(5):
        assert cluster.ok(ASK) == "200"
    cluster.until("kubectl -n istio-system get pod -l app=istiod", lambda result: "1/1" in result.out)
    cluster.ok("kubectl apply -f -", stdin=ABORT)
    cluster.until(ASK, lambda result: result.out == "418")
    cluster.ok("kubectl -n demo delete virtualservice server")
    cluster.until(ASK, lambda result: result.out == "200")


def test_a_new_pod_waits_for_istiod_and_then_starts(cluster: Shell) -> None:
    cluster.ok("kubectl -n istio-system scale deploy/istiod --replicas=0")
    cluster.ok("kubectl -n istio-system wait --for=delete pod -l app=istiod --timeout=30s")
    cluster.ok("kubectl -n demo scale deploy/server --replicas=2")
    pods = "kubectl -n demo get pod -l app=server -o json"
    cluster.until("kubectl -n demo get events", lambda result: "FailedCreate" in result.out)
    assert len(json.loads(cluster.ok(pods))["items"]) == 1, "a pod must not start without its sidecar"
    assert cluster.ok(ASK) == "200"
    cluster.ok("kubectl -n istio-system scale deploy/istiod --replicas=1")
    cluster.ok("kubectl -n demo wait --for=jsonpath='{.status.readyReplicas}'=2 deploy/server --timeout=90s")
    for pod in json.loads(cluster.ok(pods))["items"]:
        assert "istio-proxy" in [container["name"] for container in pod["spec"]["containers"]]
    assert cluster.ok(ASK) == "200"
