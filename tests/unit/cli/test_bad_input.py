"""Bad files: each ends in one clear line with file, line and field, before anything is asked of a cluster."""

from pathlib import Path

import pytest

from tejer.cli.main import run

HEAD = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n"


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"a: [1,\n", 2, "not YAML"),
        (b"a: b: c\n", 1, "not YAML"),
        (b"kind: A\n\xff: 1\n", 2, "is not UTF-8"),
        (b"kind: A\nkind: B\n", 2, "set twice"),
        (b"- a\n", 1, "expected an object"),
        (b"kind: A\n", 1, "apiVersion is missing"),
        (HEAD.encode() + b"spec:\n  hosts: web\n", 5, "spec.hosts: expected a list"),
        (HEAD.encode() + b"spec:\n  hosts: [web]\n  htp: []\n", 6, "spec.htp: unknown field (did you mean http?)"),
        (HEAD.encode() + b"spec:\n  hosts:\n  - ok\n  - we!b\n  tcp: [{route: [{destination: {host: a}}]}]\n", 7,
         "spec.hosts[1]"),
        (HEAD.encode() + b"spec:\n  hosts: [web]\n  http:\n  - route:\n    - destination: {host: a}\n      weight: 0\n"
         b"    - destination: {host: b}\n      weight: 0\n", 7, "spec.http[0].route: the weights"),
        (b"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  servers:\n"
         b"  - hosts: [a.com]\n    port: {name: h, number: 99999, protocol: HTTP}\n", 7,
         "spec.servers[0].port.number: port 99999"),
        (b"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: g}\nspec:\n  hosts: [a.com]\n"
         b"  ports:\n  - {name: a, number: 80}\n  - {name: b, number: 80}\n", 8, "defined twice"),
        (b"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: g}\nspec:\n  hosts: [a.com]\n"
         b"  ports:\n  - {name: a, number: 80}\n  - {name: a, number: 81}\n", 8, "spec.ports[1].name: port name 'a'"),
        (b"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  servers:\n"
         b"  - hosts: [a.com]\n    port: {name: h, number: 80, protocol: HTTP}\n"
         b"  - hosts: [b.com]\n    port: {name: h, number: 81, protocol: HTTP}\n", 9,
         "spec.servers[1].port.name: port names must be unique"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["apply", "validate"])
def test_bad_files(
    command: str, content: bytes, line: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    if command == "validate" and says == "apiVersion is missing":
        return  # `validate` takes kinds without a version, as istioctl does
    assert run([command, "-f", str(path)]) == 1
    err = capsys.readouterr().err
    assert f"{path}:{line}:" in err
    assert says in err
    if "spec." in err and command == "apply":
        assert err.rstrip().endswith("Error: nothing was changed")


def test_a_huge_file_is_refused_before_it_is_read_as_yaml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tejer.kube.manifest.MAX_BYTES", 1000)
    path = tmp_path / "huge.yaml"
    path.write_text("a: " + "x" * 2000)
    assert run(["validate", "-f", str(path)]) == 1
    assert "2003 bytes is more than the 1000 allowed in one file" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "-f", "/no/such/file.yaml"]) == 1
    assert "/no/such/file.yaml" in capsys.readouterr().err
