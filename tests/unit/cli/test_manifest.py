"""`manifest generate` and the refusals of `install`."""

import re
from pathlib import Path

import pytest

from tejer.cli.main import run


def test_the_manifest_is_yaml_of_every_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["manifest", "generate", "--set", "profile=minimal"]) == 0
    kinds = re.findall(r"^kind: (\w+)$", capsys.readouterr().out, re.MULTILINE)
    assert kinds[0] == "Namespace"
    assert kinds.count("CustomResourceDefinition") == 15
    assert "Deployment" in kinds


def test_an_operator_file_and_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operator = tmp_path / "operator.yaml"
    operator.write_text("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {profile: demo}\n")
    out = tmp_path / "out"
    assert run(["manifest", "generate", "-f", str(operator), "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "0-istio-core.yaml",
        "1-istiod.yaml",
        "2-ingress-gateways.yaml",
    ]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_unknown_setting_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["install", "--set", "profil=demo", "-y"]) == 64
    assert "did you mean profile?" in capsys.readouterr().err
