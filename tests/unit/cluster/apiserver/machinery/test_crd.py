"""CustomResourceDefinitions: what they must be, the status the server keeps, and the definitions they make."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tejer.cluster.apiserver.machinery.crd import crd_status, is_established
from tejer.cluster.apiserver.machinery.definition import crd_definitions
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

Create = Callable[..., Body]


def crd(plural: str = "gears", **version: Any) -> Body:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.shop.example"},
        "spec": {
            "group": "shop.example", "scope": "Namespaced",
            "names": {"plural": plural, "kind": plural.rstrip("s").title()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema, **version}],
        },
    }  # fmt: skip


def schema(**root: Any) -> Body:
    return {"schema": {"openAPIV3Schema": {"type": "object", **root}}}


def test_defaults(create: Create) -> None:
    spec = create(crd())["spec"]
    assert spec["names"] == {"plural": "gears", "kind": "Gear", "singular": "gear", "listKind": "GearList"}
    assert spec["conversion"] == {"strategy": "None"}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (crd(storage=False), "must have exactly one version marked as storage version"),
        (crd(schema=None), "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"),
        (
            crd(**schema(properties={"spec": {"properties": {"a": {"type": "string"}}}})),
            "properties[spec].type: Required value: must not be empty for specified object fields",
        ),
        (
            crd(**schema(properties={"a": {"type": "array"}})),
            "properties[a].items: Required value: must be specified",
        ),
        (
            crd(**schema(properties={"a": {"type": "text"}})),
            'properties[a].type: Unsupported value: "text"',
        ),
        (
            crd(**schema(properties={"a": {"type": "integer", "default": "x"}})),
            'must be of type integer: "string"',
        ),
        (
            crd(**schema(properties={"a": {"type": "string", "pattern": "("}})),
            "must be a valid regular expression",
        ),
        (
            crd(**schema(**{"x-kubernetes-validations": [{"rule": "self.a +"}]})),
            'x-kubernetes-validations[0].rule: Invalid value: "self.a +": compilation failed',
        ),
        (
            crd(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".spec.a"}]),
            "additionalPrinterColumns[0].type: Invalid value",
        ),
        ({**crd(), "metadata": {"name": "gears.other"}}, 'must be spec.names.plural+"."+spec.group'),
    ],
    ids=["storage", "schema", "structural", "items", "type", "default", "pattern", "rule", "column", "name"],
)
def test_refused(create: Create, body: Body, wanted: str) -> None:
    with pytest.raises(ApiError) as error:
        create(body)
    assert error.value.code == 422
    assert wanted in error.value.message


def test_it_is_established_once_its_names_are_free(now: datetime) -> None:
    first = crd_status(crd(), [], now)
    assert is_established(first)
    assert first["status"]["acceptedNames"]["plural"] == "gears"
    assert first["status"]["storedVersions"] == ["v1"]
    rival = crd("cogs")
    rival["spec"]["names"]["kind"] = "Gear"
    second = crd_status(rival, [first], now)
    assert not is_established(second)
    assert second["status"]["conditions"][0]["message"] == '"Gear" is already in use'
    assert crd_status(first, [first], now.replace(year=2027)) == first, "an unchanged condition keeps its time"


def test_stored_versions_are_remembered(now: datetime) -> None:
    body = crd_status(crd(), [], now)
    moved = copy.deepcopy(body)
    moved["spec"]["versions"][0]["name"] = "v2"
    assert crd_status(moved, [], now)["status"]["storedVersions"] == ["v1", "v2"]


def test_each_served_version_is_a_definition(create: Create) -> None:
    body = crd(subresources={"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}})
    old = copy.deepcopy(body["spec"]["versions"][0])
    old |= {"name": "v1beta1", "storage": False, "deprecated": True, "subresources": {}}
    gone = {**copy.deepcopy(old), "name": "v1alpha1", "served": False}
    body["spec"]["versions"] = [gone, old, body["spec"]["versions"][0]]
    v1, v1beta1 = crd_definitions(create(body))
    assert (v1.version, v1.storage, v1.has_status) == ("v1", True, True)
    assert v1.scale is not None and v1.scale.spec_replicas == ".spec.n"
    assert (v1beta1.version, v1beta1.storage, v1beta1.has_status) == ("v1beta1", False, False)
    assert v1beta1.deprecation_warning == "shop.example/v1beta1 Gear is deprecated"
    assert v1.rtype == v1beta1.rtype
    assert v1.rtype.versions == ("v1", "v1beta1")
    assert v1beta1.convert({"apiVersion": "shop.example/v1", "kind": "Gear"})["apiVersion"] == "shop.example/v1beta1"
