from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tejer.cli.samples import samples
from tejer.kube.manifest import load_paths

ADDONS = Path(__file__).parents[3] / "samples/addons"


def test_the_addons_as_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(samples)
    assert result.exit_code == 0, result.output
    written = {path.name: path.read_bytes() for path in (tmp_path / "samples/addons").iterdir()}
    assert written == {path.name: path.read_bytes() for path in ADDONS.glob("*.yaml")}
    assert "prometheus.yaml" in written and "kubectl apply -f samples/addons/" in result.stderr
    assert load_paths([str(tmp_path / "samples/addons")])


def test_changed_files_are_kept(tmp_path: Path) -> None:
    mine = tmp_path / "addons/prometheus.yaml"
    mine.parent.mkdir()
    mine.write_text("mine")
    refused = CliRunner().invoke(samples, [str(tmp_path)])
    assert refused.exit_code == 1 and "already there and different" in refused.stderr
    assert mine.read_text() == "mine" and len(list(mine.parent.iterdir())) == 1
    assert CliRunner().invoke(samples, [str(tmp_path), "--force"]).exit_code == 0
    assert mine.read_text() != "mine"
    assert CliRunner().invoke(samples, [str(tmp_path)]).exit_code == 0, "what is the same is no conflict"
