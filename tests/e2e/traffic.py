"""What the traffic tests share: workloads of `apps/workload.py` in a mesh, and requests sent from inside them."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e.shell import ROOT, Shell

Answer = dict[str, Any]
NOTHING: Mapping[str, str] = {}
PROGRAM = ROOT / "tests" / "e2e" / "apps" / "workload.py"

DEPLOYMENT = """
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {namespace}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{workload: {name}}}}}
  template:
    metadata:
      labels: {labels}
      annotations: {annotations}
    spec:
      serviceAccountName: {name}
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: test/workload
        env: [{{name: POD_NAME, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}]
        readinessProbe: {{httpGet: {{path: /health, port: 8080}}, periodSeconds: 1, failureThreshold: 2}}
---
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {selector}, ports: {ports}}}
---
"""
PROTOCOLS = [
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "http2-h2c", "port": 81, "targetPort": 8081},
    {"name": "grpc", "port": 82, "targetPort": 8082},
    {"name": "tcp", "port": 83, "targetPort": 8083},
    {"name": "tcp-banner", "port": 84, "targetPort": 8084},
]


def deployment(
    name: str,
    namespace: str,
    labels: dict[str, str],
    *,
    injected: bool = True,
    annotations: Mapping[str, str] = NOTHING,
) -> str:
    """A ServiceAccount and a Deployment of one workload pod, labelled `workload: name` besides `labels`."""
    notes = {
        "tejer.io/command.app": json.dumps([sys.executable, str(PROGRAM)]),
        "traffic.sidecar.istio.io/excludeInboundPorts": "9000",
        **annotations,
    }
    all_labels = {"workload": name, **labels} | ({} if injected else {"sidecar.istio.io/inject": "false"})
    return DEPLOYMENT.format(
        name=name, namespace=namespace, labels=json.dumps(all_labels), annotations=json.dumps(notes)
    )


def service(name: str, namespace: str, selector: dict[str, str], ports: list[dict[str, Any]] | None = None) -> str:
    return SERVICE.format(
        name=name, namespace=namespace, selector=json.dumps(selector), ports=json.dumps(ports or PROTOCOLS)
    )


def namespace(name: str) -> str:
    labels = '{"istio-injection": "enabled"}'
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}\n---\n"


WORKLOADS = "".join(
    (
        namespace("traffic"),
        namespace("other"),
        deployment("client", "traffic", {"app": "client"}),
        deployment("stranger", "other", {"app": "stranger"}),
        deployment("outsider", "traffic", {"app": "outsider"}, injected=False),
        deployment("server-v1", "traffic", {"app": "server", "version": "v1"}),
        deployment("server-v2", "traffic", {"app": "server", "version": "v2"}),
        deployment("guarded", "traffic", {"app": "guarded", "version": "v1"}),
        service("server", "traffic", {"app": "server"}),
        service("guarded", "traffic", {"app": "guarded"}),
    )
)
"""In `traffic`: `client`, `server` v1 and v2, `guarded`, and `outsider`, without a sidecar. `stranger` in `other`."""


class Pod:
    """One workload pod; its jobs run inside it, through its sidecar if it has one."""

    def __init__(self, shell: Shell, name: str, namespace: str) -> None:
        self.shell, self.name, self.namespace = shell, name, namespace
        self._address = ""

    @property
    def address(self) -> str:
        if not self._address:
            self._address = self.pods()[0]["status"]["podIP"]
        return self._address

    def pods(self) -> list[Answer]:
        """The pods that are not on their way out."""
        listed = json.loads(self.shell.ok(f"kubectl get pods -n {self.namespace} -l workload={self.name} -o json"))
        return [pod for pod in listed["items"] if "deletionTimestamp" not in pod["metadata"]]

    def run(self, *jobs: Answer) -> list[list[Answer]]:
        """Each job's answers, in the order of the jobs."""
        request = urllib.request.Request(f"http://{self.address}:9000/", json.dumps(jobs).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as response:
            result: list[list[Answer]] = json.load(response)
        return result

    def http(self, url: str, method: str = "GET", **job: Any) -> Answer:
        return self.run({"kind": "http", "url": url, "method": method, **job})[0][0]

    def many(self, url: str, count: int, *, at_once: bool = False, **job: Any) -> list[Answer]:
        return self.run({"kind": "http", "url": url, "at_once" if at_once else "times": count, **job})[0]

    def tcp(self, host: str, port: int, send: str = "hello", **job: Any) -> Answer:
        return self.run({"kind": "tcp", "host": host, "port": port, "send": send, **job})[0][0]

    def grpc(self, url: str, **job: Any) -> Answer:
        return self.run({"kind": "grpc", "url": url, **job})[0][0]

    def until(self, url: str, good: Callable[[Answer], bool], seconds: float = 10, **job: Any) -> Answer:
        """Repeats a request until `good` likes its answer: configuration takes a moment to arrive."""
        answer: Answer = eventually(lambda: self.http(url, **job), good, seconds)
        return answer


def eventually(get: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 10) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        value = get()
        if good(value):
            return value
        assert time.monotonic() < deadline, f"after {seconds} s still {value}"
        time.sleep(0.1)


def status(code: int) -> Callable[[Answer], bool]:
    return lambda answer: bool(answer["status"] == code)


def echoed(answer: Answer) -> Answer:
    """What the server said about the request it got."""
    assert answer["status"], answer
    described: Answer = json.loads(answer["body"])
    return described


class Mesh:
    """The shared cluster with the workloads of the traffic tests."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def pod(self, name: str, namespace: str = "traffic") -> Pod:
        return Pod(self.shell, name, namespace)

    def apply(self, manifests: str) -> str:
        return self.shell.run("kubectl apply -f -", stdin=manifests).ok().text

    def delete(self, manifests: str) -> None:
        self.shell.ok("kubectl delete --wait=false --ignore-not-found -f -", stdin=manifests)

    @contextmanager
    def applied(self, manifests: str) -> Iterator[None]:
        """Objects that are there inside the `with` block only."""
        self.apply(manifests)
        try:
            yield
        finally:
            self.delete(manifests)

    def ready(self, namespace: str, seconds: int = 60) -> None:
        self.shell.ok(f"kubectl rollout status deployment -n {namespace} --timeout={seconds}s", timeout=seconds + 5)
