"""Prometheus's place on a running mesh: our own engine and Debian's real Prometheus answer the same tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clusters import free_ports, private_cluster
from tests.e2e.shell import ROOT, Shell

pytestmark = pytest.mark.e2e

ADDON = ROOT / "samples/addons/prometheus.yaml"
READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: istio-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reads-prometheus, namespace: istio-system}
rules: [{apiGroups: [""], resources: [services/proxy], resourceNames: [prometheus], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads-prometheus, namespace: istio-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads-prometheus}
subjects: [{kind: ServiceAccount, name: reader, namespace: istio-system}]
"""
# Pods that expose what a stranger might: pages that are no metrics, labels that try to break out of every format.
HOSTILE = """
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: default
  labels: {{app: {name}}}
  annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8000"}}
spec:
  containers:
    - name: server
      image: tejer/host
      command: [python3, -c, {program}]
"""
PROGRAM = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = {page!r}.encode("latin-1")
        self.send_response(200)
        self.end_headers()
        for _ in range({times}):
            self.wfile.write(page)
http.server.HTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
HOSTILE_VALUE = '</script><img src=x onerror=alert(1)>"\\{}\n\u2028'
HOSTILE_LABEL = 'hostile{x="</script><img src=x onerror=alert(1)>\\"\\\\{}\\n\u2028"} 42\n'.encode().decode("latin-1")


class Refused(OSError):
    """An answer other than 200: its code and text."""


@dataclass
class Prometheus:
    """The server, forwarded to this machine, and a token that may read it."""

    shell: Shell
    engine: str
    port: int
    token: str

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer."""
        answer = json.loads(self.raw(path, **parameters))
        assert answer["status"] == "success", answer
        return answer["data"]

    def raw(self, path: str, **parameters: str) -> str:
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        request = urllib.request.Request(f"http://localhost:{self.port}{path}{query}")
        request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode()) from None

    def query(self, expression: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return result

    def until(self, expression: str, good: Callable[[list[dict[str, Any]]], bool], seconds: float = 90) -> Any:
        """The result of a query, once it is as wanted. The server may be gone meanwhile."""
        deadline = time.monotonic() + seconds
        result: Any = None
        while True:
            try:
                result = self.query(expression)
                if good(result):
                    return result
            except OSError as error:  # Refused and URLError are some
                result = error
            assert time.monotonic() < deadline, f"{expression}: {result}"
            time.sleep(0.5)

    def target(self, **labels: str) -> dict[str, Any]:
        targets = self.get("/api/v1/targets", state="active")["activeTargets"]
        (found,) = [target for target in targets if labels.items() <= target["labels"].items()]
        return dict(found)


def nonempty(result: list[dict[str, Any]]) -> bool:
    return bool(result)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The mesh and the sample with its load generator."""
    with private_cluster(tmp_path_factory.mktemp("prometheus")) as shell:
        shell.ok("tejer up --bare $UP")
        shell.ok("tejer demo --no-requests", timeout=300)
        shell.ok("kubectl apply -f -", stdin=READER)
        yield shell


@pytest.fixture(scope="module", params=["embedded", "binary"])
def prometheus(sample: Shell, request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    engine: str = request.param
    sample.ok("kubectl apply -f -", stdin=manifest(engine))
    try:
        sample.ok("kubectl rollout status deployment/prometheus -n istio-system --timeout=90s", timeout=120)
        token = sample.ok("kubectl create token reader -n istio-system").strip()
        with forwarded(sample, "svc/prometheus", 9090) as port:
            yield Prometheus(sample, engine, port, token)
    finally:
        sample.ok("kubectl delete --wait -f samples/addons/prometheus.yaml", timeout=120)


def manifest(engine: str) -> str:
    """The addon, in a hurry."""
    changes = {
        "--engine=auto": f"--engine={engine}",
        "scrape_interval: 15s": "scrape_interval: 2s",
        "scrape_timeout: 10s": "scrape_timeout: 2s",
    }
    text = ADDON.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def forwarded(shell: Shell, what: str, pod_port: int) -> Iterator[int]:
    """`kubectl port-forward`, begun again where the pod behind it went."""
    port = free_ports(1)[0]
    line = f"while :; do kubectl port-forward -n istio-system {what} {port}:{pod_port} >/dev/null 2>&1; sleep 0.2; done"
    process = subprocess.Popen(["bash", "-c", line], env=shell.env, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def test_the_pod_is_server_and_reloader(prometheus: Prometheus) -> None:
    pods = prometheus.shell.ok("kubectl get pods -n istio-system -l app.kubernetes.io/name=prometheus")
    assert "2/2" in pods, pods


def test_the_mesh_is_scraped(prometheus: Prometheus) -> None:
    requests = prometheus.until(
        "sum by (source_workload, destination_service_name, connection_security_policy)"
        '(istio_requests_total{reporter="destination",destination_workload_namespace="finance-app",job="kubernetes-pods"})',
        nonempty,
    )
    assert {"source_workload": "load-generator", "destination_service_name": "finance-api",
            "connection_security_policy": "mutual_tls"} in [row["metric"] for row in requests]  # fmt: skip
    prometheus.until('sum(rate(istio_requests_total{reporter="source"}[30s])) > 0', nonempty)
    apps = {"istiod", "istio-ingressgateway", "finance-api"}
    prometheus.until("up == 1", lambda rows: apps <= {row["metric"].get("app") for row in rows})


def test_what_is_known_of_targets_and_families(prometheus: Prometheus) -> None:
    prometheus.until('up{app="istiod"} == 1', nonempty)
    target = prometheus.target(app="istiod")
    assert (target["health"], target["lastError"], target["scrapePool"]) == ("up", "", "kubernetes-pods")
    assert target["scrapeUrl"].endswith(":15014/metrics") and target["scrapeInterval"] == "2s"
    assert target["discoveredLabels"]["__meta_kubernetes_namespace"] == "istio-system"
    assert prometheus.get("/api/v1/metadata", metric="pilot_xds_pushes")["pilot_xds_pushes"][0]["type"] == "counter"
    rows = prometheus.get("/api/v1/targets/metadata", match_target='{app="istiod"}', metric="pilot_xds_pushes")
    assert [row["target"]["app"] for row in rows] == ["istiod"]


def test_the_rest_of_the_api(prometheus: Prometheus) -> None:
    prometheus.until("istio_requests_total", nonempty)
    assert {"__name__", "job", "source_workload"} <= set(prometheus.get("/api/v1/labels"))
    assert {"prometheus", "kubernetes-pods"} <= set(prometheus.get("/api/v1/label/job/values"))
    series = prometheus.get("/api/v1/series", **{"match[]": 'istio_requests_total{source_workload="load-generator"}'})
    assert all(one["source_workload"] == "load-generator" for one in series) and series
    now = time.time()
    matrix = prometheus.get("/api/v1/query_range", query="count(up)", start=str(now - 10), end=str(now), step="5")
    assert matrix["resultType"] == "matrix" and matrix["result"]
    assert "job_name: kubernetes-pods" in prometheus.get("/api/v1/status/config")["yaml"]
    assert prometheus.get("/api/v1/status/runtimeinfo")["reloadConfigSuccess"] is True
    assert prometheus.get("/api/v1/status/buildinfo")["version"].startswith("2.42.0")
    assert prometheus.get("/api/v1/status/tsdb")["headStats"]["numSeries"] > 100
    assert prometheus.get("/api/v1/status/flags")["storage.tsdb.path"] == "/data"
    assert prometheus.get("/api/v1/rules") == {"groups": []} and prometheus.get("/api/v1/alerts") == {"alerts": []}
    text = prometheus.raw("/federate", **{"match[]": '{__name__="up",app="istiod"}'})
    assert text.startswith("# TYPE up untyped\nup{") and 'app="istiod"' in text


def test_without_a_token_only_metrics_and_probes_are_open(prometheus: Prometheus) -> None:
    stranger = Prometheus(prometheus.shell, prometheus.engine, prometheus.port, "nobody")
    with pytest.raises(Refused) as refused:
        stranger.raw("/api/v1/query", query="up")
    assert refused.value.errno == 401
    assert "process_" in stranger.raw("/metrics") and stranger.raw("/-/healthy")


def test_garbage_puts_down_one_target_and_hostile_labels_are_values(prometheus: Prometheus) -> None:
    garbage, endless = ("<html>not metrics</html>\n", 1), ('a{x="' + "y" * 9999, 10**6)
    pages = {"garbage": garbage, "hostile": (HOSTILE_LABEL, 1), "endless": endless}
    objects = [
        HOSTILE.format(name=name, program=json.dumps(PROGRAM.format(page=page, times=times)))
        for name, (page, times) in pages.items()
    ]
    prometheus.shell.ok("kubectl apply -f -", stdin="---".join(objects))
    try:
        (hostile,) = prometheus.until("hostile", nonempty)
        assert hostile["metric"]["x"] == HOSTILE_VALUE and hostile["value"][1] == "42"
        prometheus.until('up{app=~"garbage|endless"} == 0', lambda rows: len(rows) == 2)
        for name in ("garbage", "endless"):
            assert prometheus.target(app=name)["lastError"]
        prometheus.until('up{app="istiod"} == 1', nonempty)
        prometheus.until("time() - timestamp(up{app='istiod'}) < 10", nonempty)
    finally:
        prometheus.shell.ok("kubectl delete pod garbage hostile endless -n default --now", timeout=60)
    prometheus.until("up{app=~'garbage|hostile|endless'}", lambda rows: not rows)
    prometheus.until("hostile", lambda rows: not rows)


def test_a_changed_configuration_is_followed_and_a_broken_one_is_not(prometheus: Prometheus) -> None:
    good = manifest(prometheus.engine)
    second = "scrape_configs:\n      - job_name: second\n        static_configs: [{targets: ['localhost:9090']}]\n"
    try:
        prometheus.shell.ok("kubectl apply -f -", stdin=good.replace("scrape_configs:\n", second))
        prometheus.until('up{job="second"} == 1', nonempty, seconds=120)
        before = prometheus.get("/api/v1/status/config")["yaml"]
        prometheus.shell.ok("kubectl apply -f -", stdin=good.replace("scrape_configs:", "scrape_confgs:"))
        line = "kubectl logs -n istio-system deploy/prometheus -c prometheus-server-configmap-reload --tail=20"
        told = prometheus.shell.until(line, lambda result: "scrape_confgs" in result.text, seconds=120)
        assert "not reloaded" in told.text
        assert prometheus.get("/api/v1/status/config")["yaml"] == before
        prometheus.until('prometheus_config_last_reload_successful{job="prometheus"} == 0', nonempty)
    finally:
        prometheus.shell.ok("kubectl apply -f -", stdin=good)
    prometheus.until('prometheus_config_last_reload_successful{job="prometheus"} == 1', nonempty, seconds=180)


def test_samples_survive_kill_9(prometheus: Prometheus) -> None:
    prometheus.until("istio_requests_total", nonempty)
    time.sleep(5)
    moment = time.time() - 3
    before = prometheus.get("/api/v1/query", query="istio_requests_total", time=str(moment))["result"]
    assert before
    os.kill(server(prometheus.shell), signal.SIGKILL)
    prometheus.until("up", lambda rows: bool(rows) and float(rows[0]["value"][0]) > moment + 1)
    after = prometheus.get("/api/v1/query", query="istio_requests_total", time=str(moment))["result"]

    def key(row: dict[str, Any]) -> str:
        return json.dumps(row["metric"], sort_keys=True)

    assert sorted(after, key=key) == sorted(before, key=key)
    prometheus.until("time() - timestamp(up{app='istiod'}) < 10", nonempty)


def server(shell: Shell) -> int:
    """The pid on this machine of the pod's server."""
    pod = shell.ok("kubectl get pods -n istio-system -l app.kubernetes.io/name=prometheus -o name").strip()
    name = pod.removeprefix("pod/").encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"tejer.observe.metrics.main" in command and name in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return min(found)


def test_a_real_prometheus_reads_us(prometheus: Prometheus, tmp_path: Path) -> None:
    """Our /metrics and /federate, scraped by Debian's binary from outside."""
    prometheus.until('up{app="istiod"} == 1', nonempty)
    (tmp_path / "token").write_text(prometheus.token)
    (tmp_path / "prometheus.yml").write_text(
        f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: metrics
  static_configs: [{{targets: ['localhost:{prometheus.port}']}}]
- job_name: federate
  honor_labels: true
  metrics_path: /federate
  params: {{'match[]': ['{{__name__=~"istio_requests_total|up"}}']}}
  bearer_token_file: {tmp_path}/token
  static_configs: [{{targets: ['localhost:{prometheus.port}']}}]
"""
    )
    port = free_ports(1)[0]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        outside = Prometheus(prometheus.shell, "outside", port, "")
        up = outside.until('up{job=~"metrics|federate",instance=~"localhost.*"} == 1', lambda rows: len(rows) == 2)
        assert {row["metric"]["job"] for row in up} == {"metrics", "federate"}
        outside.until('istio_requests_total{source_workload="load-generator"}', nonempty)
        outside.until('prometheus_tsdb_head_series{job="metrics"} > 0', nonempty)
    finally:
        process.terminate()
        process.wait(30)
