"""The embedded cluster as kubectl's users know clusters: workloads come, roll, scale and go."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e

NAMESPACE = "workloads"
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 3
      containers:
      - name: web
        image: tejer/echo
        command: [python3, -u, -c, "%(program)s"]
        ports: [{name: http, containerPort: 8000}]
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 1}}}  # as on any cluster: endpoints go first, then the process
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
PROGRAM = (
    "import http.server, os, socket\\n"
    "class H(http.server.BaseHTTPRequestHandler):\\n"
    "  def do_GET(self):\\n"
    "    self.send_response(200); self.end_headers(); self.wfile.write((os.environ.get('V', 'one')+' '+"
    "socket.gethostname()).encode())\\n"
    "http.server.ThreadingHTTPServer(('', 8000), H).serve_forever()"
)


@pytest.fixture(scope="module")
def kube(bare_cluster: Shell) -> Iterator[Shell]:
    """A namespace with the Deployment and Service `web`, current for kubectl."""
    bare_cluster.ok(f"kubectl create namespace {NAMESPACE}")
    bare_cluster.ok(f"kubectl config set-context --current --namespace={NAMESPACE}")
    bare_cluster.ok("kubectl apply -f -", stdin=WEB % {"program": PROGRAM})
    bare_cluster.ok("kubectl rollout status deployment/web --timeout=60s")
    yield bare_cluster
    bare_cluster.ok("kubectl config set-context --current --namespace=default")
    bare_cluster.ok(f"kubectl delete namespace {NAMESPACE} --timeout=60s")


def read(shell: Shell, what: str) -> Any:
    return json.loads(shell.ok(f"kubectl get {what} -o json"))


def test_the_service_answers_from_pods_and_from_the_host(kube: Shell) -> None:
    address = read(kube, "service web")["spec"]["clusterIP"]
    assert kube.ok(f"curl -sf -m 5 http://{address}/").startswith("one web-")
    inside = "import urllib.request as u; print(u.urlopen('http://web.workloads.svc.cluster.local').read().decode())"
    assert kube.ok(f'kubectl exec deploy/web -- python3 -c "{inside}"').startswith("one web-")


def test_scale_up_and_down(kube: Shell) -> None:
    for replicas in (4, 1, 2):
        kube.ok(f"kubectl scale deployment/web --replicas={replicas}")
        kube.ok("kubectl rollout status deployment/web --timeout=60s")
        kube.ok(f"kubectl wait deployment/web --for=jsonpath='{{.status.replicas}}'={replicas} --timeout=30s")
    addresses = "jsonpath='{.items[*].endpoints[*].addresses[0]}'"
    slices = f"kubectl get endpointslices -l kubernetes.io/service-name=web -o {addresses}"
    kube.until(slices, lambda result: len(result.out.split()) == 2, seconds=20)


def test_rollout_restart_undo_and_history(kube: Shell) -> None:
    before = {pod["metadata"]["name"] for pod in read(kube, "pods -l app=web")["items"]}
    kube.ok("kubectl rollout restart deployment/web")
    kube.ok("kubectl rollout status deployment/web --timeout=60s")
    kube.ok("kubectl set env deployment/web V=two")
    kube.ok("kubectl rollout status deployment/web --timeout=60s")
    address = read(kube, "service web")["spec"]["clusterIP"]
    kube.until(f"curl -sf -m 5 http://{address}/", lambda result: result.out.startswith("two"), seconds=10)
    kube.ok("kubectl rollout undo deployment/web")
    kube.ok("kubectl rollout status deployment/web --timeout=60s")
    kube.until(f"curl -sf -m 5 http://{address}/", lambda result: result.out.startswith("one"), seconds=10)
    assert "4" in kube.ok("kubectl rollout history deployment/web").split()
    live = read(kube, "pods -l app=web")["items"]
    assert before.isdisjoint(pod["metadata"]["name"] for pod in live)


def test_no_request_fails_while_it_rolls(kube: Shell) -> None:
    """The Service's address keeps answering during a restart: endpoints go before their pods do."""
    address = read(kube, "service web")["spec"]["clusterIP"]
    loop = f"while :; do curl -sf -m 5 -o /dev/null http://{address}/ || echo FAIL; done"
    with subprocess.Popen(["bash", "-c", loop], stdout=subprocess.PIPE, text=True, env=kube.env) as probe:
        try:
            kube.ok("kubectl rollout restart deployment/web")
            kube.ok("kubectl rollout status deployment/web --timeout=60s")
        finally:
            probe.kill()
        assert probe.stdout is not None
        assert probe.stdout.read().count("FAIL") == 0


def test_describe_names_events_and_old_sets(kube: Shell) -> None:
    text = kube.ok("kubectl describe deployment web")
    for expected in ("ScalingReplicaSet", "OldReplicaSets", "NewReplicaSetAvailable", "RollingUpdateStrategy"):
        assert expected in text
    pod = kube.ok("kubectl describe pod -l app=web")
    for expected in ("Successfully assigned", "Started container", "Controlled By:", "kube-api-access"):
        assert expected in pod


def test_get_shows_what_kubernetes_would(kube: Shell) -> None:
    assert kube.ok("kubectl get deployment web --no-headers").split()[:4] == ["web", "2/2", "2", "2"]
    rows = kube.until("kubectl get pods -l app=web -o wide --no-headers", lambda it: it.out.count("web-") == 2).out
    assert all(row.split()[1:3] == ["1/1", "Running"] for row in rows.splitlines())
    assert kube.ok("kubectl get pods -l app=web -o name").startswith("pod/web-")
    watched = kube.run("timeout 3 kubectl get deployment -w & sleep 1; kubectl annotate deployment web a=b; wait")
    assert watched.out.count("web ") >= 2


def test_logs_exec_and_port_forward(kube: Shell) -> None:
    assert kube.run("kubectl exec deploy/web -- sh -c 'exit 7'").code == 7
    assert kube.ok("echo hello | kubectl exec -i deploy/web -- cat") == "hello\n"
    address = read(kube, "service web")["spec"]["clusterIP"]
    kube.ok(f"curl -sf -m 5 http://{address}/")
    assert "GET / HTTP" in kube.ok("kubectl logs deploy/web --tail=5")
    forwarded = kube.ok(
        "kubectl port-forward svc/web 0:80 > pf.txt & forward=$!; "
        "for i in $(seq 50); do grep -q Forwarding pf.txt && break; sleep 0.1; done; "
        "port=$(grep -o '127.0.0.1:[0-9]*' pf.txt | cut -d: -f2); curl -sf -m 5 http://localhost:$port/; "
        "status=$?; kill $forward; rm pf.txt; exit $status"
    )
    assert forwarded.startswith("one web-")


def test_recreate_never_runs_two(kube: Shell) -> None:
    kube.ok("kubectl create deployment single --image=tejer/sleep")
    patch = '{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}'
    kube.ok(f"kubectl patch deployment single -p '{patch}'")
    kube.ok("kubectl rollout status deployment/single --timeout=60s")
    kube.ok("kubectl patch deployment single -p "
            "'{\"spec\": {\"template\": {\"spec\": {\"terminationGracePeriodSeconds\": 1}}}}'")  # fmt: skip
    kube.ok("kubectl rollout status deployment/single --timeout=60s")
    watch = "kubectl get pods -l app=single --no-headers | grep -vc Terminating"
    kube.ok("kubectl rollout restart deployment/single")
    counts = [int(kube.run(watch).out or 0) for _ in range(10)]
    kube.ok("kubectl rollout status deployment/single --timeout=60s")
    assert max(counts) <= 1
    kube.ok("kubectl delete deployment single --timeout=30s")


@pytest.mark.parametrize("policy", ["background", "foreground"])
def test_deleting_takes_everything_along(kube: Shell, policy: str) -> None:
    kube.ok("kubectl create deployment gone --image=tejer/sleep --replicas=2")
    kube.ok("kubectl rollout status deployment/gone --timeout=60s")
    kube.ok(f"kubectl delete deployment gone --cascade={policy} --grace-period=1 --timeout=60s")
    kube.until("kubectl get rs,pods -l app=gone -o name", lambda result: not result.out, seconds=60)


def test_namespace_and_its_objects_in_one_file_go_together(kube: Shell) -> None:
    file = """
apiVersion: v1
kind: Namespace
metadata: {name: brief}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: data, namespace: brief}
data: {a: b}
"""
    kube.ok("kubectl apply -f -", stdin=file)
    kube.until("kubectl get sa,cm -n brief -o name", lambda result: len(result.out.split()) == 3, seconds=10)
    kube.ok("kubectl delete -f - --timeout=30s", stdin=file)
    assert "NotFound" in kube.run("kubectl get namespace brief").err


def test_an_image_that_is_no_command_is_told_honestly(kube: Shell) -> None:
    kube.ok("kubectl create deployment nginx --image=nginx:1.29")
    kube.until("kubectl get pods -l app=nginx --no-headers", lambda result: "ErrImageNeverPull" in result.out)
    assert kube.run("kubectl rollout status deployment/nginx --timeout=2s").code == 1
    kube.ok("kubectl delete deployment nginx")


def test_without_kubectl_tejer_suffices(kube: Shell) -> None:
    file = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "b"}}'
    assert kube.ok("tejer apply -f -", stdin=file) == "configmap/mine created\n"
    assert kube.ok("tejer apply -f -", stdin=file) == "configmap/mine unchanged\n"
    assert kube.ok("tejer get deploy,svc").splitlines()[0].split() == [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
    ]
    assert "web" in kube.ok("tejer get pods -o wide")
    assert "GET / HTTP" in kube.ok("tejer logs deploy/web -c web --tail 5")
    assert kube.ok("tejer delete cm mine") == "configmap/mine deleted\n"
    assert kube.run("tejer get nonsense").code == 1


def test_precheck_and_status(kube: Shell) -> None:
    assert "No issues found when checking the cluster" in kube.ok("istioctl x precheck")
    status = json.loads(kube.ok("tejer status -o json"))
    assert status["process"]["running"]
    assert status["memory"]["bytes"] > 1e6
    assert NAMESPACE in [entry["name"] for entry in status["namespaces"]]
