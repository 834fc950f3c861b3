"""Stock kubectl against the API server alone: JSON bodies (1.31), protobuf bodies (1.33), and whatever is in PATH."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tejer.cluster.store.sqlite import SqliteStore
from tests.e2e.apiserver import ADMIN_TOKEN, Kubectl, RunningServer, running_server
from tests.support import kubectls

BINARIES = kubectls.find()

if not BINARIES and os.environ.get("CI") == "true":
    raise RuntimeError("no kubectl was found, and with CI=true that is a failure: run `make test-deps`")

FIELD_VALIDATION_SINCE = 27
WHOAMI_SINCE = 28

pytestmark = pytest.mark.skipif(not BINARIES, reason="no kubectl found: `make test-deps` installs one")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    directory = tmp_path_factory.mktemp("apiserver")
    with running_server(directory, lambda: SqliteStore(directory / "store.db")) as running:
        yield running


@pytest.fixture(scope="module", params=sorted(BINARIES))
def kubectl(request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return Kubectl(BINARIES[request.param], server.kubeconfig(), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def namespace(kubectl: Kubectl, server: RunningServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, with the account that a controller would make; no controller runs here."""
    name = f"ns-{abs(hash(request.node.nodeid)) % 10**8}"
    kubectl("create", "namespace", name)
    kubectl("create", "serviceaccount", "default", "-n", name)
    yield name
    kubectl("delete", "all,cm,secret,sa,pvc", "--all", "-n", name, "--wait=false")
    kubectl("delete", "namespace", name, "--wait=false")
    finalized = json.loads(kubectl("get", "namespace", name, "-o", "json"))
    finalized["spec"]["finalizers"] = []
    kubectl("replace", "--raw", f"/api/v1/namespaces/{name}/finalize", "-f", "-", stdin=json.dumps(finalized))


POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - {name: main, image: tejer/sleep, ports: [{containerPort: 80}]}
"""


def test_the_server_announces_1_33(kubectl: Kubectl) -> None:
    version = json.loads(kubectl("version", "-o", "json"))["serverVersion"]
    assert (version["major"], version["minor"]) == ("1", "33")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_discovery_lists_the_kinds(kubectl: Kubectl) -> None:
    names = kubectl("api-resources", "-o", "name").split()
    assert {"pods", "deployments.apps", "customresourcedefinitions.apiextensions.k8s.io"} <= set(names)
    assert "apps/v1" in kubectl("api-versions").split()


def test_create_get_and_delete(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "configmap", "a", "--from-literal=x=y", "-n", namespace)
    kubectl("create", "secret", "generic", "s", "--from-literal=password=hidden", "-n", namespace)
    kubectl("create", "deployment", "web", "--image=tejer/echo", "--replicas=2", "-n", namespace)
    kubectl("create", "service", "clusterip", "web", "--tcp=80:8080", "-n", namespace)
    assert kubectl("get", "cm", "a", "-n", namespace, "-o", "jsonpath={.data.x}") == "y"
    assert kubectl("get", "svc", "web", "-n", namespace, "-o", "jsonpath={.spec.clusterIP}").startswith("10.96.")
    table = kubectl("get", "deploy,svc,cm,secret", "-n", namespace)
    assert "deployment.apps/web" in table and "0/2" in table
    assert "NotFound" in kubectl.fails("get", "cm", "nothing", "-n", namespace)
    assert "already exists" in kubectl.fails("create", "configmap", "a", "-n", namespace)
    kubectl("delete", "cm", "a", "-n", namespace)
    assert "NotFound" in kubectl.fails("get", "cm", "a", "-n", namespace)


def test_output_formats(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", stdin=POD)
    assert kubectl("get", "pods", "-n", namespace).split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert "NODE" in kubectl("get", "pods", "-n", namespace, "-o", "wide")
    assert json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"][0]["kind"] == "Pod"
    assert "kind: Pod" in kubectl("get", "pod", "web", "-n", namespace, "-o", "yaml")
    assert kubectl("get", "pods", "-n", namespace, "-o", "name").strip() == "pod/web"
    assert "app=web" in kubectl("get", "pods", "-n", namespace, "--show-labels")
    assert "web" in kubectl("get", "pods", "-A", "--sort-by=.metadata.name", "--chunk-size=1")
    assert "Name:" in kubectl("describe", "pod", "web", "-n", namespace)


def test_apply_patches_only_what_changed(kubectl: Kubectl, namespace: str) -> None:
    assert "created" in kubectl("apply", "-n", namespace, "-f", "-", stdin=POD)
    assert "unchanged" in kubectl("apply", "-n", namespace, "-f", "-", stdin=POD)
    changed = POD.replace("app: web", "app: other")
    assert "configured" in kubectl("apply", "-n", namespace, "-f", "-", stdin=changed)
    assert "serverside-applied" in kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=changed)
    assert kubectl.run("diff", "-n", namespace, "-f", "-", stdin=POD).returncode == 1
    assert kubectl.run("diff", "-n", namespace, "-f", "-", stdin=changed).returncode == 0
    assert "dry run" in kubectl("apply", "--dry-run=server", "-n", namespace, "-f", "-", stdin=POD)
    assert kubectl("get", "pod", "web", "-n", namespace, "-o", "jsonpath={.metadata.labels.app}") == "other"


def test_unknown_fields_are_refused_with_their_path(kubectl: Kubectl, namespace: str) -> None:
    wrong = POD.replace("image:", "imgae:")
    refused = kubectl.fails("apply", "-n", namespace, "-f", "-", stdin=wrong)
    if kubectl.minor < FIELD_VALIDATION_SINCE:
        # The client does it, by the OpenAPI v2 document.
        assert 'ValidationError(Pod.spec.containers[0]): unknown field "imgae"' in refused
        return
    assert 'unknown field "spec.containers[0].imgae"' in refused
    warned = kubectl.run("apply", "--validate=warn", "-n", namespace, "-f", "-", stdin=POD.replace("ports:", "prots:"))
    assert 'Warning: unknown field "spec.containers[0].prots"' in warned.stderr


def test_edits_of_metadata_and_patches(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", stdin=POD)
    kubectl("label", "pod", "web", "tier=front", "-n", namespace)
    kubectl("annotate", "pod", "web", "note=x", "-n", namespace)
    assert kubectl("get", "pods", "-l", "tier=front,app in (web)", "-n", namespace, "-o", "name").strip() == "pod/web"
    kubectl("label", "pod", "web", "tier-", "-n", namespace)
    assert kubectl("get", "pods", "-l", "tier", "-n", namespace, "-o", "name") == ""
    kubectl("patch", "pod", "web", "-n", namespace, "-p", '{"metadata":{"labels":{"a":"1"}}}')
    kubectl(
        "patch", "pod", "web", "-n", namespace, "--type=json", "-p", '[{"op":"remove","path":"/metadata/labels/a"}]'
    )
    kubectl("patch", "pod", "web", "-n", namespace, "--type=merge", "-p", '{"metadata":{"labels":{"b":"2"}}}')
    labels = json.loads(kubectl("get", "pod", "web", "-n", namespace, "-o", "jsonpath={.metadata.labels}"))
    assert labels == {"app": "web", "b": "2"}


def test_scale_and_rollout_restart(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "deployment", "web", "--image=tejer/echo", "-n", namespace)
    kubectl("scale", "deployment", "web", "--replicas=3", "-n", namespace)
    assert kubectl("get", "deploy", "web", "-n", namespace, "-o", "jsonpath={.spec.replicas}") == "3"
    kubectl("rollout", "restart", "deployment", "web", "-n", namespace)
    assert "restartedAt" in kubectl("get", "deploy", "web", "-n", namespace, "-o", "yaml")
    kubectl("set", "image", "deployment/web", "echo=tejer/echo:2", "-n", namespace)
    assert "timed out" in kubectl.fails("rollout", "status", "deployment", "web", "-n", namespace, "--timeout=1s")


def test_watching_and_waiting(kubectl: Kubectl, namespace: str) -> None:
    watch = subprocess.Popen(
        kubectl.command("get", "pods", "-w", "-n", namespace, "--no-headers"), stdout=subprocess.PIPE, text=True
    )
    assert watch.stdout is not None
    try:
        kubectl("apply", "-n", namespace, "-f", "-", stdin=POD)
        assert watch.stdout.readline().split()[:2] == ["web", "0/1"]
        with waiting_for_deletion(kubectl, "pod/web", namespace) as waiting:
            kubectl("delete", "pod", "web", "-n", namespace)
            assert waiting.wait(60) == 0
        assert watch.stdout.readline().split()[0] == "web"
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


@contextmanager
def waiting_for_deletion(kubectl: Kubectl, what: str, namespace: str) -> Iterator[subprocess.Popen[str]]:
    """`kubectl wait --for=delete` that has seen the object: one that comes too late for it fails in old versions."""
    line = kubectl.command("wait", "--for=delete", what, "-n", namespace, "--timeout=50s", "-v=6")
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        try:
            while said := waiting.stderr.readline():
                if f"/pods/{what.removeprefix('pod/')}" in said or "fieldSelector=metadata.name" in said:
                    break
            yield waiting
        finally:
            waiting.kill()


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %(plural)s.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: %(plural)s, singular: %(singular)s, kind: Widget%(suffix)s}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1, description: How big it is.}
              replicas: {type: integer, default: 1}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
WIDGET = """
apiVersion: example.com/v1
kind: Widget%(suffix)s
metadata: {name: w}
spec: {size: 3}
"""


def test_custom_resources(kubectl: Kubectl, namespace: str) -> None:
    suffix = namespace.removeprefix("ns-")
    words = {"suffix": suffix, "plural": f"widgets{suffix}", "singular": f"widget{suffix}"}
    plural, crd, widget = words["plural"], CRD % words, WIDGET % words
    kubectl("apply", "-f", "-", stdin=crd)
    kubectl("wait", "--for=condition=Established", f"crd/{plural}.example.com", "--timeout=5s")
    kubectl("apply", "-n", namespace, "-f", "-", stdin=widget)
    assert "unchanged" in kubectl("apply", "-n", namespace, "-f", "-", stdin=widget)
    assert "SIZE" in kubectl("get", plural, "-n", namespace)
    assert kubectl("get", plural, "w", "-n", namespace, "-o", "jsonpath={.spec.replicas}") == "1"
    kubectl("scale", plural, "w", "--replicas=4", "-n", namespace)
    assert "How big it is" in kubectl("explain", f"{plural}.spec.size")
    refused = kubectl.fails("patch", plural, "w", "-n", namespace, "--type=merge", "-p", '{"spec":{"size":0}}')
    assert "spec.size" in refused
    assert "unknown field" in kubectl.fails("apply", "-n", namespace, "-f", "-", stdin=widget.replace("size", "sise"))
    kubectl("delete", "crd", f"{plural}.example.com")
    assert kubectl.run("get", plural, "-n", namespace).returncode == 1


def test_explain_and_unknown_kinds(kubectl: Kubectl) -> None:
    assert "containers" in kubectl("explain", "pod.spec")
    unknown = "apiVersion: example.com/v1\nkind: Nothing\nmetadata: {name: x}\n"
    assert "no matches for kind" in kubectl.fails("apply", "-f", "-", stdin=unknown)


def test_identities_and_rights(kubectl: Kubectl, server: RunningServer, namespace: str) -> None:
    if kubectl.minor >= WHOAMI_SINCE:
        assert "system:masters" in kubectl("auth", "whoami")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods", "-n", namespace)
    kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:default", "-n", namespace
    )
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    if kubectl.minor >= WHOAMI_SINCE:
        token = kubectl("create", "token", "default", "-n", namespace).strip()
    else:
        token = json.loads(kubectl("create", "--raw", path, "-f", "-", stdin='{"spec":{}}'))["status"]["token"]
    account = Kubectl(kubectl.binary, server.kubeconfig(f"account-{namespace}", token=token), kubectl.cache)
    assert account("auth", "can-i", "list", "pods", "-n", namespace).strip() == "yes"
    assert account.run("auth", "can-i", "delete", "pods", "-n", namespace).stdout.strip() == "no"
    account("get", "pods", "-n", namespace)
    refused = account.fails("get", "secrets", "-n", namespace)
    assert f'cannot list resource "secrets" in API group "" in the namespace "{namespace}"' in refused
    escalation = account.fails("create", "role", "more", "--verb=*", "--resource=*", "-n", namespace)
    assert "Forbidden" in escalation
    as_account = f"--as=system:serviceaccount:{namespace}:default"
    assert kubectl.run("auth", "can-i", "get", "secrets", as_account, "-n", namespace).stdout.strip() == "no"
    kubectl("delete", "serviceaccount", "default", "-n", namespace)
    assert "Unauthorized" in account.fails("get", "pods", "-n", namespace) or account.run("get", "pods").returncode


def test_the_admins_token_and_a_wrong_one(kubectl: Kubectl, server: RunningServer) -> None:
    admin = Kubectl(kubectl.binary, server.kubeconfig("tokened", token=ADMIN_TOKEN), kubectl.cache)
    assert "default" in admin("get", "namespaces")
    wrong = Kubectl(kubectl.binary, server.kubeconfig("wrong", token="wrong"), kubectl.cache)
    assert wrong.run("get", "namespaces").returncode != 0
