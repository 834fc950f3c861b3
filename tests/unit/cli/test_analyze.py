"""`analyze` and `validate` on files: output, thresholds, suppression, exit codes."""

import json
from pathlib import Path

import pytest

from tejer.cli.main import run

BAD = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
spec:
  hosts: [web]
  http:
  - route:
    - destination:
        host: nowhere
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http}]}
"""


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return str(path)


def test_a_message_has_object_file_and_line(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", "--use-kube=false", bad]) == 79
    out = capsys.readouterr().out
    assert out == f'Error [IST0101] (VirtualService default/web {bad}:10) Referenced host not found: "nowhere"\n'


def test_json_has_istioctls_fields(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", "-A", "--use-kube=false", "-o", "json", bad]) == 79
    (row,) = json.loads(capsys.readouterr().out)
    assert row["code"] == "IST0101"
    assert row["level"] == "Error"
    assert row["origin"] == "VirtualService web"
    assert row["reference"] == f"{bad}:10"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--failure-threshold", "Warning"], 79),
        (["-S", "IST0101=VirtualService web.default"], 0),
        (["--suppress", "IST0101=VirtualService *"], 0),
        (["-S", "IST0102=VirtualService *"], 79),
        (["--analyzer", "injection.Analyzer"], 0),
        (["--analyzer", "no.such"], 64),
        (["-n", "other"], 79),
    ],
)
def test_thresholds_and_suppression(bad: str, options: list[str], code: int) -> None:
    assert run(["analyze", "--use-kube=false", *options, bad]) == code


def test_an_annotation_suppresses_too(bad: str) -> None:
    Path(bad).write_text(BAD.replace("  name: web\nspec", "  name: web\n  annotations: "
                                     "{galley.istio.io/analyze-suppress: IST0101}\nspec"))  # fmt: skip
    assert run(["analyze", "--use-kube=false", bad]) == 0


def test_files_that_can_not_be_read_are_65_and_the_others_are_analyzed(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"a: \xff\n")
    assert run(["analyze", "--use-kube=false", "-S", "IST0101=*", bad, str(broken)]) == 65
    assert "broken.yaml:1:4: byte 0xff is not UTF-8" in capsys.readouterr().err
    unknown = tmp_path / "unknown.yaml"
    unknown.write_text("apiVersion: example.com/v1\nkind: Thing\n")
    assert run(["analyze", "--use-kube=false", str(unknown)]) == 65
    assert run(["analyze", "--use-kube=false", "--ignore-unknown", str(unknown)]) == 0


def test_nothing_found_is_said_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "good.yaml"
    path.write_text("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\n")
    assert run(["analyze", "--use-kube=false", str(path)]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "✔ No validation issues found when analyzing files.\n")


def test_validate_names_file_line_and_field(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "-f", bad]) == 0
    assert capsys.readouterr().out == f'"{bad}" is valid\n'
    Path(bad).write_text(BAD.replace("host: nowhere", "hots: nowhere"))
    assert run(["validate", "-f", bad]) == 1
    assert capsys.readouterr().err == (
        f"Error: {bad}:10: VirtualService web: spec.http[0].route[0].destination.hots: unknown field "
        "(did you mean host?)\n"
    )


def test_validate_reports_what_only_the_schema_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wasm.yaml"
    path.write_text("apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: a}\n"
                    "spec: {url: 'http://x', pluginName: ''}\n")  # fmt: skip
    assert run(["validate", "-f", str(path)]) == 1
    assert "spec.pluginName" in capsys.readouterr().err
