"""SARIF: the parts that readers of SARIF 2.1.0 rely on."""

import json
from pathlib import Path

import pytest

from tejer.cli.main import run
from tests.unit.cli.test_analyze import BAD


def test_results_name_rule_file_line_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.yaml").write_text(BAD)
    assert run(["analyze", "--use-kube=false", "-o", "sarif", "a b.yaml"]) == 79
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    [only] = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    [result] = only["results"]
    assert (result["ruleId"], result["level"]) == ("IST0101", "error")
    assert rules[0]["helpUri"].endswith("/ist0101/")
    [location] = result["locations"]
    place = location["physicalLocation"]
    assert place["region"] == {"startLine": 10, "startColumn": 9}
    assert place["artifactLocation"] == {"uri": "a%20b.yaml", "uriBaseId": "SRCROOT"}
    assert only["originalUriBaseIds"]["SRCROOT"]["uri"] == tmp_path.as_uri() + "/"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == (
        "VirtualService default/web spec.http[0].route[0].destination.host"
    )


def test_nothing_found_is_an_empty_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "good.yaml"
    path.write_text("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\n")
    assert run(["analyze", "--use-kube=false", "-o", "sarif", str(path)]) == 0
    [only] = json.loads(capsys.readouterr().out)["runs"]
    assert (only["results"], only["tool"]["driver"]["rules"]) == ([], [])
