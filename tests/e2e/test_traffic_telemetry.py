"""Istio's metrics with all their labels from both sides, and access logs in Istio's format."""

from __future__ import annotations

import re
import urllib.request
from functools import partial

import pytest

from tests.e2e.traffic import Mesh, Pod, eventually, status

pytestmark = pytest.mark.e2e

Series = list[tuple[dict[str, str], float]]
_SERIES = re.compile(r"^(?P<name>[a-z_]+)\{(?P<labels>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)

PEERS = {
    "source_workload": "client", "source_canonical_service": "client", "source_canonical_revision": "latest",
    "source_workload_namespace": "traffic", "source_app": "client", "source_version": "unknown",
    "source_cluster": "Kubernetes", "source_principal": "spiffe://cluster.local/ns/traffic/sa/client",
    "destination_workload": "guarded", "destination_canonical_service": "guarded",
    "destination_canonical_revision": "v1", "destination_workload_namespace": "traffic", "destination_app": "guarded",
    "destination_version": "v1", "destination_cluster": "Kubernetes",
    "destination_principal": "spiffe://cluster.local/ns/traffic/sa/guarded",
    "destination_service": "guarded.traffic.svc.cluster.local", "destination_service_name": "guarded",
    "destination_service_namespace": "traffic", "response_flags": "-",
}  # fmt: skip
SOURCE = {**PEERS, "reporter": "source", "connection_security_policy": "unknown"}
DESTINATION = {**PEERS, "reporter": "destination", "connection_security_policy": "mutual_tls"}
HTTP = {"request_protocol": "http", "response_code": "200", "grpc_response_status": ""}


def metrics(pod: Pod, name: str, service: str = "guarded") -> Series:
    with urllib.request.urlopen(f"http://{pod.address}:15020/stats/prometheus", timeout=10) as response:
        text = response.read().decode()
    found: Series = []
    for match in _SERIES.finditer(text):
        labels = dict(re.findall(r'([a-z_]+)="([^"]*)"', match["labels"]))
        if match["name"] == name and labels.get("destination_service_name") == service:
            found.append((labels, float(match["value"])))
    return found


@pytest.fixture(scope="module")
def client(traffic: Mesh) -> Pod:
    """Has sent requests of each protocol to `guarded`, and has got the answers that the tests look for.

    Each is repeated until then: policies of tests before this may still be going, at another moment for each port.
    """
    client = traffic.pod("client")
    client.until("http://guarded/", status(200))
    for path, code in (("/", 200), ("/status/404", 404), ("/status/503", 503)):
        client.until(f"http://guarded{path}", status(code), headers={"user-agent": "test-agent"})
    healthy, unknown = (partial(client.grpc, "http://guarded:82", service=service) for service in ("", "nobody"))
    eventually(healthy, lambda answer: bool(answer["status"] == "SERVING"))
    eventually(unknown, lambda answer: bool(answer["status"] == "NOT_FOUND"))
    eventually(lambda: client.tcp("guarded", 83).get("data"), lambda data: data == "hello")
    return client


def expect(pod: Pod, name: str, labels: dict[str, str], least: float = 1) -> None:
    """Waits until the series of `name` with exactly these labels reaches `least`; histograms come every 5 s."""

    def value() -> float:
        return next((value for found, value in metrics(pod, name) if found == labels), -1.0)

    try:
        eventually(value, lambda found: bool(found >= least), seconds=30)
    except AssertionError as error:
        raise AssertionError(f"{error}: {name} with {labels} in {metrics(pod, name)}") from None


@pytest.mark.parametrize(("workload", "labels"), [("client", SOURCE), ("guarded", DESTINATION)])
def test_http_from_both_reporters(client: Pod, traffic: Mesh, workload: str, labels: dict[str, str]) -> None:
    pod = traffic.pod(workload)
    expect(pod, "istio_requests_total", labels | HTTP, 2)
    expect(pod, "istio_requests_total", labels | HTTP | {"response_code": "404"})
    expect(pod, "istio_requests_total", labels | HTTP | {"response_code": "503"})
    for name in ("istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"):
        expect(pod, f"{name}_count", labels | HTTP, 2)
        buckets = [found for found, _ in metrics(pod, f"{name}_bucket") if found["response_code"] == "200"]
        assert {"0.5", "1", "5", "1e+06", "+Inf"} & {found["le"] for found in buckets}
    expect(pod, "istio_response_bytes_sum", labels | HTTP, 100)


@pytest.mark.parametrize(("workload", "labels"), [("client", SOURCE), ("guarded", DESTINATION)])
def test_grpc_from_both_reporters(client: Pod, traffic: Mesh, workload: str, labels: dict[str, str]) -> None:
    pod = traffic.pod(workload)
    for code in ("0", "5"):
        grpc = {"request_protocol": "grpc", "response_code": "200", "grpc_response_status": code}
        expect(pod, "istio_requests_total", labels | grpc)


@pytest.mark.parametrize(("workload", "labels"), [("client", SOURCE), ("guarded", DESTINATION)])
def test_tcp_from_both_reporters(client: Pod, traffic: Mesh, workload: str, labels: dict[str, str]) -> None:
    pod = traffic.pod(workload)
    tcp = labels | {"request_protocol": "tcp"}
    expect(pod, "istio_tcp_connections_opened_total", tcp)
    expect(pod, "istio_tcp_connections_closed_total", tcp)
    expect(pod, "istio_tcp_received_bytes_total", tcp, len("hello"))
    expect(pod, "istio_tcp_sent_bytes_total", tcp, len("hello"))


def test_a_plaintext_caller_is_unknown(client: Pod, traffic: Mesh) -> None:
    server = traffic.pod("guarded")
    traffic.pod("outsider").http(f"http://{server.address}:8080/status/202")
    unknown = {label: "unknown" for label in PEERS if label.startswith("source_")} | {
        "destination_principal": "unknown", "connection_security_policy": "none", "response_code": "202",
    }  # fmt: skip

    def found() -> list[dict[str, str]]:
        text = urllib.request.urlopen(f"http://{server.address}:15020/stats/prometheus", timeout=10).read().decode()
        all_labels = [dict(re.findall(r'([a-z_]+)="([^"]*)"', m["labels"])) for m in _SERIES.finditer(text)]
        return [labels for labels in all_labels if unknown.items() <= labels.items()]

    eventually(found, bool)


def test_no_label_is_empty(client: Pod, traffic: Mesh) -> None:
    for workload in ("client", "guarded"):
        address = traffic.pod(workload).address
        text = urllib.request.urlopen(f"http://{address}:15020/stats/prometheus", timeout=10).read().decode()
        empty = {name for line in text.splitlines() if line.startswith("istio_")
                 for name in re.findall(r'([a-z_]+)=""', line)}  # fmt: skip
        assert empty <= {"grpc_response_status"}, empty
        assert not re.search(r"^envoy_istio", text, re.MULTILINE)


def test_calls_out_of_the_mesh_are_measured(client: Pod, traffic: Mesh) -> None:
    client.http(f"http://{traffic.pod('outsider').address}:8080/")
    found = eventually(lambda: metrics(client, "istio_tcp_connections_closed_total", "PassthroughCluster"), bool)
    assert found[0][0]["destination_workload"] == "unknown"


ACCESS_LOG = re.compile(
    r'^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "GET /status/404 HTTP/1.1" 404 - via_upstream - "-" 0 \d+ \d+ \d+ '
    r'"-" "test-agent" "[0-9a-f-]{36}" "guarded" "[\d.]+:8080" (?P<cluster>\S+) [\d.]+:\d+ [\d.]+:\d+ [\d.]+:\d+ '
    r"(?P<sni>\S+) default$",
    re.MULTILINE,
)


@pytest.mark.parametrize(
    ("workload", "cluster", "sni"),
    [
        ("client", "outbound|80||guarded.traffic.svc.cluster.local", "-"),
        ("guarded", "inbound|8080||", "outbound_.80_._.guarded.traffic.svc.cluster.local"),
    ],
)
def test_access_log(client: Pod, traffic: Mesh, workload: str, cluster: str, sni: str) -> None:
    command = f"kubectl logs -n traffic deploy/{workload} -c istio-proxy --tail=400"
    result = traffic.shell.until(command, lambda found: bool(ACCESS_LOG.search(found.out)), seconds=10)
    match = ACCESS_LOG.search(result.out)
    assert match is not None
    assert (match["cluster"], match["sni"]) == (cluster, sni)
