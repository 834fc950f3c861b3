"""Every kubectl version, every verb, every kind, against a whole running cluster."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tejer.kube.crds import crds
from tejer.kube.resource import Body
from tests.e2e.apiserver import Kubectl
from tests.e2e.shell import Shell
from tests.support import kubectls

pytestmark = pytest.mark.e2e

FOUND = kubectls.find()
BINARIES = {name: path for name, path in FOUND.items() if name != "path"} or FOUND
"""The one in PATH is one of the others where there are any."""
ENDPOINTSLICES_V1_SINCE = 21
"""Before, describing one asks for discovery.k8s.io/v1beta1, which Kubernetes no longer serves."""
TEXT = Path(__file__).with_name("kinds.yaml").read_text()
CUSTOM = ".istio.io/"
"""In the apiVersion of kinds that a CRD defines: strategic merge patches are for built-in ones."""


class Objects:
    """One object of each kind, for one kubectl."""

    def __init__(self, kubectl: Kubectl, name: str, directory: Path) -> None:
        self.kubectl, self.name = kubectl, name
        documents = TEXT.replace("NAME", name).split("\n---\n")
        self.bodies: list[Body] = [YAML(typ="safe").load(document) for document in documents]
        self.files = [self._file(directory, "built-in", custom=False), self._file(directory, "custom", custom=True)]

    def _file(self, directory: Path, name: str, *, custom: bool) -> str:
        path = directory / f"{name}.json"
        items = [body for body in self.bodies if (CUSTOM in body["apiVersion"]) == custom]
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        return str(path)

    def do(self, *words: str, files: Sequence[str] = ()) -> str:
        """`kubectl WORDS` of all the objects, or of those in `files`."""
        named = [word for file in files or self.files for word in ("-f", file)]
        return self.kubectl(*words, "-n", self.name, *named)

    def read(self) -> dict[str, Any]:
        """As the server has them, by kind."""
        found = json.loads(self.do("get", "-o", "json"))["items"]
        return {one["kind"]: one for one in found}

    def each(self, output: str, words: str) -> None:
        """`output` has for each object a line that says `words` of it."""
        for body in self.bodies:
            name = re.escape(body["metadata"]["name"])
            kind = body["kind"].lower()
            assert re.search(rf"^{kind}\S*/{name} {words}$", output, re.MULTILINE), f"{kind}: {words}:\n{output}"


@pytest.fixture(scope="module", params=sorted(BINARIES))
def kubectl(request: pytest.FixtureRequest, cluster: Shell, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return Kubectl(BINARIES[request.param], Path(cluster.env["KUBECONFIG"]), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def cluster(bare_cluster: Shell) -> Shell:
    bare_cluster.ok("kubectl apply -f -", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": crds()}))
    bare_cluster.ok("kubectl wait crd --all --for=condition=Established --timeout=60s")
    return bare_cluster


@pytest.fixture(scope="module")
def objects(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    """Created by `kubectl create -f`, and deleted by `kubectl delete -f` at the end."""
    name = f"v{kubectl.minor}-{abs(hash(kubectl.binary)) % 1000}"
    kubectl("create", "namespace", name)
    made = Objects(kubectl, name, tmp_path_factory.mktemp("objects"))
    made.each(made.do("create"), "created")
    yield made
    kubectl("delete", "namespace", name, "--wait=false")


def test_apply(objects: Objects) -> None:
    objects.do("apply")  # what `create` made has no record of an earlier apply: this writes it
    objects.each(objects.do("apply"), "unchanged")
    objects.each(objects.do("apply", "--server-side", "--force-conflicts"), "serverside-applied")


def test_get(objects: Objects) -> None:
    kinds = sorted(body["kind"] for body in objects.bodies)
    assert sorted(objects.read()) == kinds
    names = [body["metadata"]["name"] for body in objects.bodies]
    for columns in (objects.do("get"), objects.do("get", "-o", "wide")):
        assert [name for name in names if name not in columns] == []
    assert sorted(re.findall(r"^  kind: (\w+)$", objects.do("get", "-o", "yaml"), re.MULTILINE)) == kinds
    assert objects.do("get", "-o", "jsonpath={.items[*].metadata.name}").split() == names_as_read(objects)


def names_as_read(objects: Objects) -> list[str]:
    return [line.partition("/")[2] for line in objects.do("get", "-o", "name").split()]


def test_describe(objects: Objects) -> None:
    lines = objects.do("get", "-o", "name").split()
    if objects.kubectl.minor < ENDPOINTSLICES_V1_SINCE:
        lines = [line for line in lines if "endpointslice" not in line]
    described = objects.kubectl("describe", *lines, "-n", objects.name)
    named = re.findall(r"^Name: +(\S+)$", described, re.MULTILINE)
    assert sorted(named) == sorted(line.partition("/")[2] for line in lines)


def test_label_and_annotate(objects: Objects) -> None:
    objects.each(objects.do("label", "colour=red"), "labeled")
    objects.each(objects.do("annotate", "note=new"), "annotated")
    for kind, body in objects.read().items():
        assert body["metadata"]["labels"]["colour"] == "red", kind
        assert body["metadata"]["annotations"]["note"] == "new", kind
    objects.do("label", "colour-")
    assert not [kind for kind, body in objects.read().items() if "colour" in body["metadata"].get("labels", {})]


def test_patch(objects: Objects) -> None:
    built_in, custom = objects.files
    objects.do("patch", "--type=merge", "-p", '{"metadata": {"annotations": {"way": "merge"}}}')
    assert ways(objects) == {"merge"}
    objects.do(
        "patch", "--type=json", "-p", '[{"op": "replace", "path": "/metadata/annotations/way", "value": "json"}]'
    )
    assert ways(objects) == {"json"}
    objects.do("patch", "-p", '{"metadata": {"annotations": {"way": "strategic"}}}', files=[built_in])
    assert ways(objects) == {"json", "strategic"}
    refused = objects.kubectl.fails("patch", "-p", "{}", "-n", objects.name, "-f", custom)
    assert re.search(r"UnsupportedMediaType|strategic-merge-patch\S* is not supported", refused), refused


def ways(objects: Objects) -> set[str]:
    return {body["metadata"]["annotations"].get("way", "") for body in objects.read().values()}


def test_watch(objects: Objects) -> None:
    """`get -w` of each kind prints the object, and again when it changes."""
    with ExitStack() as stack:
        watches = {}
        for line in objects.do("get", "-o", "name").split():
            watches[line] = stack.enter_context(
                following(objects.kubectl, "get", line, "-n", objects.name, "-w", "-oname")
            )
        for line, said in watches.items():
            assert said.readline().strip() == line
        objects.do("annotate", "--overwrite", "note=watched")
        for line, said in watches.items():
            assert said.readline().strip() == line


@contextmanager
def following(kubectl: Kubectl, *words: str) -> Iterator[Any]:
    """The standard output of a kubectl that goes on until the block ends."""
    with subprocess.Popen(kubectl.command(*words), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: tejer/echo, ports: [{containerPort: 8080}]}]
"""


@pytest.fixture(scope="module")
def namespace(objects: Objects) -> str:
    objects.kubectl("apply", "-n", objects.name, "-f", "-", stdin=WORKLOAD)
    return objects.name


def test_rollout_and_wait(kubectl: Kubectl, namespace: str) -> None:
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=50s")
    before = kubectl("get", "pods", "-l", "app=web", "-n", namespace, "-o", "name")
    kubectl("rollout", "restart", "deployment/web", "-n", namespace)
    kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=50s")
    kubectl("wait", "--for=condition=Available", "deployment/web", "-n", namespace, "--timeout=50s")
    after = kubectl("get", "pods", "-l", "app=web", "-n", namespace, "-o", "name")
    assert after
    assert after != before


def test_scale(kubectl: Kubectl, namespace: str) -> None:
    kubectl("scale", "deployment/web", "--replicas=2", "-n", namespace)
    kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=50s")
    kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "-n", namespace, "--timeout=50s")
    kubectl("scale", "replicaset", namespace, "--replicas=1", "-n", namespace)
    made = kubectl("get", "replicaset", namespace, "-n", namespace, "-o", "jsonpath={.spec.replicas}")
    assert made == "1"
    kubectl("scale", "replicaset", namespace, "--current-replicas=1", "--replicas=0", "-n", namespace)
    kubectl("scale", "deployment/web", "--replicas=1", "-n", namespace)
    kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=50s")


def test_logs_exec_and_port_forward(kubectl: Kubectl, namespace: str) -> None:
    with following(kubectl, "logs", "-f", "deployment/web", "-n", namespace) as log:
        assert log.readline() == "listening on 8080\n"
        assert kubectl("exec", "deploy/web", "-n", namespace, "--", "echo", "inside") == "inside\n"
        with following(kubectl, "port-forward", "deploy/web", ":8080", "-n", namespace) as forward:
            port = re.search(r"127\.0\.0\.1:(\d+)", forward.readline())
            assert port is not None
            with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/forwarded", timeout=20) as answer:
                assert answer.status == 200


def test_delete(objects: Objects, namespace: str) -> None:
    """The last of them: in the way it is usually done, waiting until all is gone."""
    deleted = objects.do("delete", "--timeout=50s")
    assert deleted.count(" deleted") == len(objects.bodies), deleted
    for file in objects.files:
        gone = objects.kubectl.fails("get", "-n", namespace, "-f", file)
        assert gone.count("not found") == gone.count(objects.name)
