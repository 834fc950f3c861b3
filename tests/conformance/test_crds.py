"""Our CustomResourceDefinitions against the schema of record: fields, enums, ranges, CEL rules, versions, columns."""

from pathlib import Path
from typing import Any

import pytest

from tejer.kube.crds import crds
from tejer.kube.manifest import load_text

RECORD = Path(__file__).resolve().parents[3] / "shared/conformance/crds/istio-crds.yaml"


def without_prose(value: Any) -> Any:
    """`value` without descriptions, which are ours, and with lists in place of tuples."""
    if isinstance(value, dict):
        return {
            name: without_prose(item)
            for name, item in value.items()
            if not (name == "description" and isinstance(item, str))
        }
    return [without_prose(item) for item in value] if isinstance(value, list | tuple) else value


def by_version(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "versions": {version["name"]: version for version in spec["versions"]}}


@pytest.mark.skipif(not RECORD.exists(), reason="../shared/conformance/crds is absent")
def test_crds_equal_the_schema_of_record() -> None:
    record = {document.body["metadata"]["name"]: document.body["spec"] for document in load_text(RECORD.read_text())}
    ours = {crd["metadata"]["name"]: crd["spec"] for crd in crds()}
    assert ours.keys() == record.keys()
    for name, spec in record.items():
        assert by_version(without_prose(ours[name])) == by_version(without_prose(spec)), name
