"""Decoding as Go does: unknown fields, wrong types, zero values."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.machinery.decoding import decode, strict_problems
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

Kinds = dict[str, Definition]


def test_unknown_fields_are_named_by_their_path_and_dropped(kinds: Kinds) -> None:
    body: Body = {
        "spec": {"foo": 1, "template": {"spec": {"containers": [{"name": "a", "imag": "x"}]}}},
        "metadata": {"labls": {}},
    }
    read, unknown = decode(kinds["Deployment"], body)
    assert unknown == ["spec.foo", "spec.template.spec.containers[0].imag", "metadata.labls"]
    assert "foo" not in read["spec"]
    assert strict_problems(unknown[:1], ("spec.replicas",)) == [
        'duplicate field "spec.replicas"',
        'unknown field "spec.foo"',
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": "1"}, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas "
                            "of type int32"),
        (
            {"template": {"spec": {"containers": {}}}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers "
            "of type []v1.Container",
        ),
        (
            {"template": {"spec": {"containers": [{"ports": [{"containerPort": "x"}]}]}}},
            "json: cannot unmarshal string into Go struct field "
            "ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
        ),
        ({"paused": "yes"}, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused "
                            "of type bool"),
        (
            {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "lots"}}}]}}},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        ({"replicas": 1 << 40}, "json: cannot unmarshal number 1099511627776 into Go struct field "
                                "DeploymentSpec.spec.replicas of type int32"),
    ],
)  # fmt: skip
def test_wrong_types_get_the_text_of_go(kinds: Kinds, spec: Body, message: str) -> None:
    with pytest.raises(ApiError) as error:
        decode(kinds["Deployment"], {"spec": spec})
    assert error.value.code == 400
    assert error.value.message == f'Deployment in version "v1" cannot be handled as a Deployment: {message}'


def test_nulls_and_empty_omitempty_fields_vanish_while_value_structs_appear(kinds: Kinds) -> None:
    body: Body = {
        "metadata": {"name": "x", "creationTimestamp": None, "labels": {}},
        "spec": {"containers": [{"name": "a", "image": "", "stdin": False, "command": []}], "hostNetwork": None},
    }
    read, unknown = decode(kinds["Pod"], body)
    assert unknown == []
    assert read["metadata"] == {"name": "x"}
    assert read["spec"] == {"containers": [{"name": "a", "resources": {}}]}
    assert read["status"] == {}


def test_pointers_keep_their_zero(kinds: Kinds) -> None:
    read, _ = decode(kinds["Deployment"], {"spec": {"replicas": 0, "minReadySeconds": 0}})
    assert read["spec"]["replicas"] == 0
    assert "minReadySeconds" not in read["spec"]


def test_secret_data_must_be_base64(kinds: Kinds) -> None:
    with pytest.raises(ApiError, match="illegal base64 data at input byte 2"):
        decode(kinds["Secret"], {"data": {"k": "ab!d"}})


def test_the_body_itself_is_not_changed(kinds: Kinds) -> None:
    body: Body = {"spec": {"containers": [{"name": "a", "nope": 1}]}}
    decode(kinds["Pod"], body)
    assert body == {"spec": {"containers": [{"name": "a", "nope": 1}]}}


def test_quantities_given_as_numbers_become_text(kinds: Kinds) -> None:
    body: Body = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 2}}}]}}
    read, _ = decode(kinds["Pod"], body)
    assert read["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "2"}}


def test_custom_resources_are_pruned_except_where_unknown_fields_are_preserved(widget: Definition) -> None:
    body: Body = {"metadata": {"name": "w"}, "spec": {"size": 1, "siez": 2, "free": {"any": {"thing": 1}}}}
    read, unknown = decode(widget, body)
    assert unknown == ["spec.siez"]
    assert read["spec"] == {"size": 1, "free": {"any": {"thing": 1}}}
    assert read["apiVersion"] == "shop.example/v1"


def test_metadata_of_a_custom_resource_is_typed(widget: Definition) -> None:
    with pytest.raises(ApiError, match=r"cannot unmarshal number into Go struct field ObjectMeta.metadata.labels"):
        decode(widget, {"metadata": {"labels": 1}})


def test_deep_nesting_is_refused(kinds: Kinds) -> None:
    deep: Body = {}
    for _ in range(150):
        deep = {"properties": {"a": deep}}
    body = {"spec": {"versions": [{"schema": {"openAPIV3Schema": deep}}]}}
    with pytest.raises(ApiError, match="exceeded max depth"):
        decode(kinds["CustomResourceDefinition"], body)
