"""`kube-inject` from file to text."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from tejer.cli.kube_inject import kube_inject
from tejer.kube.manifest import load_text

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {%s}}
    spec: {containers: [{name: web, image: tejer/echo}]}
"""


def test_stdin_to_stdout_with_the_settings_of_a_default_installation() -> None:
    result = CliRunner().invoke(kube_inject, ["-f", "-"], input=DEPLOYMENT % "")
    assert result.exit_code == 0, result.output
    (document,) = load_text(result.output)
    spec = document.body["spec"]["template"]["spec"]
    assert [c["name"] for c in spec["containers"]] == ["web", "istio-proxy"]
    assert spec["containers"][1]["image"].startswith("tejer/proxyv2:")


def test_files_replace_the_settings(tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text('{"global": {"hub": "example.org/mesh", "tag": "9"}}')
    (tmp_path / "mesh.yaml").write_text("defaultConfig: {holdApplicationUntilProxyStarts: true}")
    (tmp_path / "web.yaml").write_text(DEPLOYMENT % "")
    arguments = ["-f", str(tmp_path / "web.yaml"), "-o", str(tmp_path / "out.yaml")]
    arguments += ["--valuesFile", str(tmp_path / "values.json"), "--meshConfigFile", str(tmp_path / "mesh.yaml")]
    result = CliRunner().invoke(kube_inject, arguments)
    assert result.exit_code == 0, result.output
    (document,) = load_text((tmp_path / "out.yaml").read_text())
    containers = document.body["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "example.org/mesh/proxyv2:9"


def test_what_cannot_be_done_names_the_object() -> None:
    text = DEPLOYMENT % "traffic.sidecar.istio.io/excludeOutboundPorts: http"
    result = CliRunner().invoke(kube_inject, ["-f", "-"], input=text)
    assert result.exit_code == 1
    assert (
        "Deployment web: annotation traffic.sidecar.istio.io/excludeOutboundPorts: 'http' is not a port"
        in result.output
    )


def test_warnings_go_to_stderr_and_bad_yaml_has_its_line() -> None:
    result = CliRunner().invoke(kube_inject, ["-f", "-"], input=DEPLOYMENT % "sidecar.istio.io/nativeSidecar: 'true'")
    assert "Warning: annotation sidecar.istio.io/nativeSidecar has no effect" in result.stderr
    result = CliRunner().invoke(kube_inject, ["-f", "-"], input="a: [1\nb: 2")
    assert result.exit_code == 1
    assert "<input>:2" in result.output
