"""get, apply, delete and x precheck against an API server in this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tejer.cli.main import run
from tests.e2e.apiserver import RunningServer, running_server

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\ndata: {a: b}\n"
THING = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList, shortNames: [th]}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: one}
spec: {size: 1}
"""  # noqa: E501


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


class Commands:
    """Runs command lines as the administrator, or as `user`."""

    def __init__(self, server: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.server, self.capsys = server, capsys
        self.kubeconfig = server.kubeconfig()

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = run([*arguments, "--kubeconfig", str(self.kubeconfig)])
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def tejer(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(server, capsys)


def test_apply_get_and_delete_by_file(tejer: Commands, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(CONFIG_MAP)
    assert tejer("apply", "-f", str(file), "--dry-run")[1] == "configmap/mine created (server dry run)\n"
    assert tejer("apply", "-f", str(file))[1] == "configmap/mine created\n"
    assert tejer("apply", "-f", str(file))[1] == "configmap/mine unchanged\n"
    file.write_text(CONFIG_MAP.replace("b}", "c}"))
    assert tejer("apply", "-f", str(file))[1] == "configmap/mine configured\n"
    _, text, _ = tejer("get", "cm", "mine", "-o", "json")
    found = json.loads(text)
    assert found["data"] == {"a": "c"}
    assert "managedFields" not in found["metadata"]
    assert tejer("get", "configmaps", "-o", "name")[1] == "configmap/mine\n"
    assert tejer("delete", "-f", str(file))[1] == "configmap/mine deleted\n"
    code, _, error = tejer("delete", "cm/mine")
    assert (code, error) == (1, "Error: configmap/mine not found\n")
    assert tejer("delete", "cm/mine", "--ignore-not-found")[0] == 0


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: twice}
spec:
  ports:
  - {name: http-a, port: 80}
  - {name: http-b, port: 81}
"""


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [("http-b", "http-a", "spec.ports[1].name: Duplicate value"), ("port: 81", "port: 80", "spec.ports[1]: Duplicate")],
)
def test_duplicate_ports_are_refused_at_their_line(
    tejer: Commands, tmp_path: Path, old: str, new: str, field: str
) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(SERVICE.replace(old, new))
    code, _, error = tejer("apply", "-f", str(file))
    assert code == 1
    assert f"{file}:7: " in error
    assert field in error
    assert tejer("get", "service", "twice")[0] == 1, "nothing was changed"


def test_tables_are_the_servers(tejer: Commands) -> None:
    code, text, _ = tejer("get", "namespaces")
    assert code == 0
    assert text.splitlines()[0].split() == ["NAME", "STATUS", "AGE"]
    assert tejer("get", "ns", "default", "--no-headers")[1].split()[:2] == ["default", "Active"]
    code, text, error = tejer("get", "pods", "-n", "default")
    assert (code, text, error) == (0, "", "No resources found in default namespace.\n")
    text = tejer("get", "clusterrole,ns", "-A")[1]
    assert "clusterrole.rbac.authorization.k8s.io/cluster-admin" in text
    assert "namespace/default" in text


def test_kinds_of_crds_are_known_by_every_name(tejer: Commands, tmp_path: Path) -> None:
    file = tmp_path / "thing.yaml"
    file.write_text(THING)
    assert "thing.example.com/one created" in tejer("apply", "-f", str(file))[1]
    for name in ("things", "thing", "th", "things.example.com"):
        assert tejer("get", name, "-o", "name")[1] == "thing.example.com/one\n"
    file.write_text(THING.replace("size: 1}", "size: big}"))
    code, _, error = tejer("apply", "-f", str(file))
    assert code == 1
    assert f"{file}:" in error
    assert "spec.size" in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get", "nonsense"), "the server doesn't have a resource type 'nonsense'"),
        (("get", "cm", "missing"), 'configmaps "missing" not found'),
        (("delete",), "say what to delete"),
        (("delete", "cm"), "which cm? Give names"),
        (("apply", "-f", "/nonexistent.yaml"), "/nonexistent.yaml"),
    ],
)
def test_mistakes_are_one_clear_message(tejer: Commands, arguments: tuple[str, ...], words: str) -> None:
    code, _, error = tejer(*arguments)
    assert code != 0
    assert words in error
    assert "Traceback" not in error


def test_an_unknown_kind_in_a_file_is_named(tejer: Commands, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("apiVersion: other.io/v1\nkind: Else\nmetadata: {name: x}\n")
    code, _, error = tejer("apply", "-f", str(file))
    assert code == 1
    assert 'no matches for kind "Else" in version "other.io/v1"' in error


def test_precheck_of_a_cluster(tejer: Commands) -> None:
    code, text, _ = tejer("x", "precheck")
    assert code == 0
    assert text.startswith("✔ No issues found when checking the cluster. Istio is safe to install or upgrade!")
    assert tejer("x", "precheck", "-o", "json")[1] == "[]\n"
    tejer.kubeconfig = tejer.server.kubeconfig("nobody", ())
    code, _, error = tejer("x", "precheck")
    assert code == 1
    assert "Error [IST0141] (Cluster) missing required permissions: create namespaces" in error


def test_precheck_without_a_cluster_says_so(tejer: Commands, tmp_path: Path) -> None:
    gone = tmp_path / "kubeconfig"
    gone.write_text(tejer.kubeconfig.read_text().replace(str(tejer.server.server.port), "1"))
    tejer.kubeconfig = gone
    code, _, error = tejer("x", "precheck")
    assert code == 1
    assert "can't reach the API server" in error
