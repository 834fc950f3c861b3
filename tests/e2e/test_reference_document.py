"""Every command of our first user's document, verbatim and in its order, on the sample.

What stands for what: `minikube start` is `tejer up --bare`, the download of Istio is this package. The addons
(Kiali, Grafana, Jaeger, Prometheus) are not part of this version: their commands must say so, clearly.
The troubleshooting recipes run on a mesh broken in the way each describes, and must name the cause.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.shell import ROOT, Shell

pytestmark = pytest.mark.e2e

NAMES = (
    """kubectl get pods -n finance-app -o jsonpath='{.items[*].spec.containers[*].name}' | tr ' ' '\\n' | sort | uniq"""
)
BY_POD = """kubectl get pods -n finance-app -o jsonpath='{range .items[*]}{.metadata.name}{"\\t"}{.spec.containers[*].name}{"\\n"}{end}'"""  # noqa: E501
ROLLED_OUT = "kubectl rollout status deployment -n finance-app --timeout=90s"


@pytest.fixture(scope="module")
def shell(bare_cluster: Shell) -> Shell:
    """`tejer up --bare`: an empty cluster, as after `minikube start`."""
    return bare_cluster


def pod_name(shell: Shell, app: str, version: str = "v1") -> str:
    return shell.ok(
        f"kubectl get pods -n finance-app -l app={app},version={version} --field-selector=status.phase=Running "
        "-o jsonpath='{.items[0].metadata.name}'"
    )


def test_the_sample_runs_without_a_mesh_first(shell: Shell) -> None:
    shell.ok("kubectl create namespace finance-app")
    shell.ok("kubectl create secret generic postgres -n finance-app --from-literal=password=for-this-test-only")
    for name in ("service-accounts", "postgres", "finance-api", "load-generator"):
        shell.ok(f"kubectl apply -f infrastructure/kubernetes/{name}.yaml")
    shell.ok(ROLLED_OUT)
    assert "istio-proxy" not in shell.ok(NAMES).split()


def test_precheck(shell: Shell) -> None:
    result = shell.run("istioctl x precheck").ok()
    assert "No issues found when checking the cluster" in result.text


def test_install(shell: Shell) -> None:
    result = shell.run("istioctl install --set profile=demo -y").ok()
    for line in ("Istiod installed", "Ingress gateways installed", "Installation complete"):
        assert line in result.text


def test_istio_runs(shell: Shell) -> None:
    table = shell.ok("kubectl get pods -n istio-system")
    assert re.search(r"^NAME +READY +STATUS +RESTARTS +AGE$", table, re.M)
    assert re.search(r"^istiod-[0-9a-z]+-[0-9a-z]+ +1/1 +Running", table, re.M)
    assert re.search(r"^istio-ingressgateway-[0-9a-z]+-[0-9a-z]+ +1/1 +Running", table, re.M)


def test_label_then_restart_injects_the_sidecar(shell: Shell) -> None:
    assert "labeled" in shell.ok("kubectl label namespace finance-app istio-injection=enabled")
    analysis = shell.run("istioctl analyze -n finance-app")
    assert "IST0103" in analysis.text, "pods from before the label have no proxy"
    shell.ok("kubectl rollout restart deployment -n finance-app")
    shell.ok(ROLLED_OUT)
    shell.until(NAMES, lambda result: "istio-proxy" in result.out.split())
    assert {"finance-api", "istio-proxy", "load-generator", "postgres"} <= set(shell.ok(NAMES).split())


def test_the_four_policies_apply(shell: Shell) -> None:
    shell.until(BY_POD, lambda result: all("istio-proxy" in line for line in result.out.splitlines()))
    for name in ("peer-authentication", "destination-rules", "virtual-service", "authorization-policy", "gateway"):
        assert (ROOT / f"infrastructure/kubernetes/istio/{name}.yaml").exists()
        shell.ok(f"kubectl apply -f infrastructure/kubernetes/istio/{name}.yaml")
    mode = shell.ok("kubectl get peerauthentication default -n finance-app -o jsonpath='{.spec.mtls.mode}'")
    assert mode == "STRICT"


def test_analyze_is_clean(shell: Shell) -> None:
    shell.ok("kubectl create secret generic finance-app-cert -n istio-system --from-literal=tls.crt=x --dry-run=client")
    result = shell.run("istioctl analyze -n finance-app")
    assert "IST0103" not in result.text
    assert result.code == 0 or "finance-app-cert" in result.text, result.text


@pytest.mark.parametrize("addon", ["kiali", "grafana", "jaeger"])
def test_dashboards_say_what_is_missing(shell: Shell, addon: str) -> None:
    result = shell.run(f"istioctl dashboard {addon}")
    assert result.code != 0
    assert addon in result.err.lower()


def test_the_automatic_installation(shell: Shell) -> None:
    shell.ok("chmod +x scripts/setup-istio.sh")
    shell.ok("./scripts/setup-istio.sh", timeout=300)
    shell.until("istioctl analyze -n finance-app", lambda result: result.code == 0, seconds=30)


def test_envoy_configuration(shell: Shell) -> None:
    pod = pod_name(shell, "finance-api")
    everything = shell.ok(f"istioctl proxy-config all {pod} -n finance-app")
    clusters = shell.ok(f"istioctl proxy-config clusters {pod} -n finance-app")
    routes = shell.ok(f"istioctl proxy-config routes {pod} -n finance-app")
    assert re.search(r"^SERVICE FQDN +PORT +SUBSET +DIRECTION +TYPE +DESTINATION RULE", clusters, re.M)
    assert re.search(r"^finance-api\.finance-app\.svc\.cluster\.local +8000 +v2 +outbound +EDS", clusters, re.M)
    assert re.search(r"^NAME +VHOST NAME +DOMAINS +MATCH +VIRTUAL SERVICE", routes, re.M)
    assert re.search(r"^8000 .*finance-api\.finance-app", routes, re.M)
    for part in ("SERVICE FQDN", "VHOST NAME", "ADDRESSES"):
        assert part in everything


def test_recipe_traffic_fails_under_strict(shell: Shell, tmp_path: Path) -> None:
    """Broken in that way: a client from before the namespace was labelled. The recipe names it by IST0103."""
    client = tmp_path / "client.yaml"
    client.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: legacy\n  namespace: finance-app\n"
        "spec:\n  containers:\n  - {name: app, image: 'tejer/sleep:v1'}\n"
    )
    shell.ok("kubectl label namespace finance-app istio-injection-")
    shell.ok(f"kubectl apply -f {client}")
    shell.ok("kubectl label namespace finance-app istio-injection=enabled")
    shell.ok("kubectl wait --for=condition=Ready pod/legacy -n finance-app --timeout=60s")
    refused = shell.run("kubectl exec legacy -n finance-app -c app -- curl -sS -m 5 http://finance-api:8000/version")
    assert refused.code != 0, "STRICT must refuse plaintext"
    assert "legacy\tapp\n" in shell.ok(BY_POD)
    analysis = shell.run("istioctl analyze -n finance-app")
    assert "IST0103" in analysis.text and "legacy" in analysis.text
    shell.ok("kubectl delete pod legacy -n finance-app")


def test_recipe_pods_do_not_start(shell: Shell) -> None:
    """Broken in that way: istiod is gone, so a new sidecar gets neither certificate nor configuration."""
    injected = shell.ok("istioctl kube-inject -f infrastructure/kubernetes/load-generator.yaml")
    lone = injected.replace("name: load-generator\n", "name: lone\n", 1)
    shell.ok("kubectl scale deployment istiod -n istio-system --replicas=0")
    shell.ok("kubectl wait --for=delete pod -l app=istiod -n istio-system --timeout=60s")
    shell.ok("kubectl label namespace finance-app istio-injection-")
    try:
        shell.ok("kubectl apply -f -", stdin=lone)
        name = shell.until(
            "kubectl get pods -n finance-app -o name | grep lone", lambda result: result.code == 0
        ).out.strip()
        pod = name.removeprefix("pod/")
        shell.until(
            f"kubectl logs {pod} -n finance-app -c istio-proxy",
            lambda result: "istiod.istio-system.svc:15012" in result.text,
        )
        shell.until(
            f"kubectl describe pod {pod} -n finance-app",
            lambda result: (
                re.search(r"Unhealthy.*[Rr]eadiness probe failed|Startup probe failed", result.out) is not None
            ),
        )
    finally:
        shell.ok("kubectl scale deployment istiod -n istio-system --replicas=1")
        shell.ok("kubectl label namespace finance-app istio-injection=enabled")
    shell.ok("kubectl rollout status deployment/lone -n finance-app --timeout=90s")
    shell.ok("kubectl delete deployment lone -n finance-app")
