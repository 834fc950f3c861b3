"""The commands that look into a running mesh, and what bad objects get on apply."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from tests.e2e.clusters import free_ports
from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e
POD = "deployment/finance-api-v1"
NAMESPACE = "-n finance-app"


def rows(text: str) -> list[list[str]]:
    """The cells of a table whose columns are five blanks or more apart, without its header."""
    return [[cell.strip() for cell in line.split("     ") if cell.strip()] for line in text.splitlines()[1:]]


def test_clusters_filtered_by_host_and_direction(mesh: Shell) -> None:
    command = f"istioctl pc cluster {POD} {NAMESPACE}"
    found = rows(mesh.ok(f"{command} --fqdn postgres.finance-app.svc.cluster.local --port 5432 --direction outbound"))
    assert found == [["postgres.finance-app.svc.cluster.local", "5432", "-", "outbound", "EDS", "postgres.finance-app"]]
    resources = json.loads(mesh.ok(f"{command} --subset v2 -o json"))
    assert [item["name"] for item in resources] == ["outbound|8000|v2|finance-api.finance-app.svc.cluster.local"]


def test_listeners_of_a_sidecar(mesh: Shell) -> None:
    found = rows(mesh.ok(f"istioctl pc listeners {POD} {NAMESPACE} --port 15006"))
    assert any(row[-1] == "Cluster: inbound|8000||" or "Route: " in row[-1] or "Inline" in row[-1] for row in found)
    assert mesh.ok(f"istioctl pc l {POD} {NAMESPACE} --port 15006 --verbose=false").splitlines()[0].split() == [
        "ADDRESSES", "PORT", "TYPE",
    ]  # fmt: skip


def test_routes_name_their_virtual_service(mesh: Shell) -> None:
    found = rows(mesh.ok(f"istioctl pc routes {POD} {NAMESPACE} --name 8000"))
    assert any(row[-1] == "finance-api.finance-app" for row in found)


def test_endpoints_are_healthy(mesh: Shell) -> None:
    cluster = "'outbound|5432||postgres.finance-app.svc.cluster.local'"
    ((address, status, outlier, _),) = rows(mesh.ok(f"istioctl pc ep {POD} {NAMESPACE} --cluster {cluster}"))
    assert address.endswith(":5432")
    assert (status, outlier) == ("HEALTHY", "OK")


def test_secrets_hold_a_valid_certificate_and_the_root(mesh: Shell) -> None:
    found = {row[0]: row[1:4] for row in rows(mesh.ok(f"istioctl pc secret {POD} {NAMESPACE}"))}
    assert found == {"default": ["Cert Chain", "ACTIVE", "true"], "ROOTCA": ["CA", "ACTIVE", "true"]}
    assert "PRIVATE" not in mesh.ok(f"istioctl pc secret {POD} {NAMESPACE} -o json")


def test_a_dump_in_a_file_gives_the_same(mesh: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("dump") / "dump.json"
    path.write_text(mesh.ok(f"istioctl pc all {POD} {NAMESPACE} -o json"))
    assert mesh.ok(f"istioctl pc clusters -f {path}") == mesh.ok(f"istioctl pc clusters {POD} {NAMESPACE}")
    assert mesh.ok(f"istioctl pc bootstrap -f {path}").splitlines()[0].startswith("Istio Version:")


def test_a_wrong_pod_names_those_there_are(mesh: Shell) -> None:
    result = mesh.run(f"istioctl pc clusters nothing {NAMESPACE}")
    assert result.code == 1
    assert 'pods "nothing" not found in namespace finance-app; pods there: finance-api-' in result.err


def test_every_proxy_is_in_sync(mesh: Shell) -> None:
    synced = mesh.until("istioctl proxy-status", lambda result: "STALE" not in result.out and "load-" in result.out)
    assert "SYNCED" in synced.out
    assert "istio-ingressgateway" in synced.out
    proxies = json.loads(mesh.ok("istioctl ps -o json"))
    assert all(proxy["types"]["CDS"]["status"].upper() == "SYNCED" for proxy in proxies)
    compared = mesh.ok(f"istioctl ps {POD} {NAMESPACE}").splitlines()
    assert compared == ["Clusters Match", "Listeners Match", "Routes Match"]


def test_versions(mesh: Shell) -> None:
    assert [line.partition(":")[0] for line in mesh.ok("istioctl version").splitlines()] == [
        "client version", "control plane version", "data plane version",
    ]  # fmt: skip
    assert json.loads(mesh.ok("tejer version -o json"))["dataPlaneVersion"]


@contextmanager
def running(shell: Shell, line: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(["bash", "-c", f"exec {line}"], env=shell.env, cwd=shell.cwd, text=True,
                               stdout=subprocess.PIPE)  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def test_the_dashboard_of_an_envoy(mesh: Shell) -> None:
    (port,) = free_ports(1)
    with running(mesh, f"istioctl dashboard envoy {POD} {NAMESPACE} --browser=false -p {port}") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"http://localhost:{port}"
        with urlopen(f"http://localhost:{port}/ready", timeout=10) as response:
            assert response.read() == b"LIVE\n"


def apply(mesh: Shell, kind: str, spec: str, group: str = "networking") -> tuple[int, str]:
    text = f"apiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {{name: bad, namespace: default}}\nspec: {spec}\n"
    result = mesh.run("kubectl apply -f -", stdin=text)
    return result.code, result.text


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("VirtualService", "{hosts: [web], http: [{route: [{destination: {host: 'we!b'}}]}]}",
         "spec.http[0].route[0].destination.host"),
        ("VirtualService",
         "{hosts: [web], http: [{route: [{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}]}]}",
         "spec.http[0].route"),
        ("DestinationRule", "{host: web, subsets: [{name: v1}, {name: v1}]}", "spec.subsets[1].name"),
        ("Gateway", "{servers: [{hosts: [a.com], port: {name: a, number: 80, protocol: NOPE}}]}",
         "spec.servers[0].port.protocol"),
        ("ServiceEntry", "{hosts: [a.com], ports: [{name: a, number: 80}, {name: a, number: 81}]}", "spec.ports[1]"),
    ],
)  # fmt: skip
def test_what_the_mesh_can_not_do_is_refused_with_its_field(mesh: Shell, kind: str, spec: str, message: str) -> None:
    code, text = apply(mesh, kind, spec)
    assert code == 1
    assert message in text
    assert "not found" in mesh.run(f"kubectl get {kind.lower()} bad -n default").err.lower()


def test_unknown_fields_are_refused_with_their_path(mesh: Shell) -> None:
    code, text = apply(mesh, "VirtualService", "{hosts: [web], http: [{rout: []}]}")
    assert code == 1
    assert "spec.http[0].rout" in text or 'unknown field "rout"' in text


def test_what_has_no_effect_yet_is_taken_with_a_warning(mesh: Shell) -> None:
    spec = "{jwtRules: [{issuer: a, jwksUri: 'https://a/keys'}]}"
    code, text = apply(mesh, "RequestAuthentication", spec, "security")
    assert code == 0
    mesh.ok("kubectl delete requestauthentication bad -n default")
    assert "Warning:" in text or "jwtRules has no effect" in text


def test_analysis_sees_a_file_as_if_it_were_applied(mesh: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("analyze") / "vs.yaml"
    path.write_text("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: new}\n"
                    "spec: {hosts: [x.com], http: [{route: [{destination: {host: postgress}}]}]}\n")  # fmt: skip
    result = mesh.run(f"istioctl analyze {path} {NAMESPACE}")
    assert result.code == 79
    assert f"Error [IST0101] (VirtualService finance-app/new {path}:4)" in result.out
    assert mesh.ok(f"istioctl analyze {NAMESPACE}") == ""


def test_uninstalling_and_installing_again(bare_cluster: Shell) -> None:
    lines = bare_cluster.ok("tejer install --set profile=minimal -y").splitlines()
    assert lines == ["✔ Istio core installed ⛵️", "✔ Istiod installed 🧠", "✔ Installation complete"]
    bare_cluster.ok("tejer uninstall --purge -y")
    assert "istio.io" not in bare_cluster.ok("kubectl get crds -o name")
    time.sleep(0.1)
    assert "✔ Ingress gateways installed 🛬" in bare_cluster.ok("tejer install --set profile=demo -y")
    bare_cluster.ok("tejer uninstall --purge -y")
