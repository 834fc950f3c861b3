"""JSON, merge and strategic merge patches."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tejer.cluster.apiserver.machinery.definition import Definition, builtin_definitions
from tejer.cluster.apiserver.machinery.patch import apply_patch, merge_patch
from tejer.kube.api import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, ApiError
from tejer.kube.resource import Body

Kinds = dict[str, Definition]
POD: Body = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "finalizers": ["a/1", "a/2"]},
    "spec": {
        "containers": [
            {"name": "a", "image": "x:1", "env": [{"name": "E", "value": "1"}], "args": ["1"]},
            {"name": "b", "image": "x:1"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "nodeSelector": {"disk": "ssd"},
    },
}  # fmt: skip


def strategic(kinds: Kinds, spec: Body) -> Body:
    before = copy.deepcopy(POD)
    patched = apply_patch(kinds["Pod"], POD, {"spec": spec}, STRATEGIC_PATCH)
    assert before == POD, "the object itself must not change"
    result: Body = patched["spec"]
    return result


def test_keyed_lists_merge_item_by_item(kinds: Kinds) -> None:
    spec = strategic(kinds, {"containers": [{"name": "a", "image": "x:2"}]})
    assert [c["name"] for c in spec["containers"]] == ["a", "b"]
    assert spec["containers"][0] == {
        "name": "a", "image": "x:2", "env": [{"name": "E", "value": "1"}], "args": ["1"]
    }  # fmt: skip


def test_plain_lists_are_replaced_and_nulls_delete(kinds: Kinds) -> None:
    spec = strategic(kinds, {"containers": [{"name": "a", "args": ["2", "3"], "env": None}], "nodeSelector": None})
    assert spec["containers"][0]["args"] == ["2", "3"]
    assert "env" not in spec["containers"][0]
    assert "nodeSelector" not in spec


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ([{"name": "a", "$patch": "delete"}], ["b"]),
        ([{"$patch": "replace"}, {"name": "c", "image": "y"}], ["c"]),
        ([{"name": "c", "image": "y"}], ["a", "b", "c"]),
    ],
)
def test_list_directives(kinds: Kinds, patch: list[Body], names: list[str]) -> None:
    assert sorted(c["name"] for c in strategic(kinds, {"containers": patch})["containers"]) == names


def test_element_order_is_honoured(kinds: Kinds) -> None:
    order = [{"name": "b"}, {"name": "c"}, {"name": "a"}]
    spec = strategic(kinds, {"$setElementOrder/containers": order, "containers": [{"name": "c", "image": "y"}]})
    assert [c["name"] for c in spec["containers"]] == ["b", "c", "a"]


def test_retain_keys_drops_the_other_union_members(kinds: Kinds) -> None:
    volume = {"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}
    assert strategic(kinds, {"volumes": [volume]})["volumes"] == [{"name": "v", "secret": {"secretName": "s"}}]


def test_primitive_lists_merge_and_delete(kinds: Kinds) -> None:
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/1"], "finalizers": ["a/3"]}}
    new = apply_patch(kinds["Pod"], POD, patch, STRATEGIC_PATCH)
    assert sorted(new["metadata"]["finalizers"]) == ["a/2", "a/3"]


def test_a_map_can_be_replaced(kinds: Kinds) -> None:
    assert strategic(kinds, {"nodeSelector": {"$patch": "replace", "zone": "1"}})["nodeSelector"] == {"zone": "1"}


def test_an_item_without_its_key_is_refused(kinds: Kinds) -> None:
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        strategic(kinds, {"containers": [{"image": "y"}]})


def test_custom_resources_take_no_strategic_patch(widget: Definition) -> None:
    with pytest.raises(ApiError) as error:
        apply_patch(widget, {"metadata": {"name": "w"}}, {}, STRATEGIC_PATCH)
    assert error.value.code == 415


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ([{"op": "test", "path": "/metadata/name", "value": "q"}], 422),
        ([{"op": "remove", "path": "/spec/nothing"}], 422),
        ([{"op": "fly", "path": "/spec"}], 400),
        ({"op": "add"}, 400),
        ([{"op": "replace", "path": "", "value": 1}], 400),
    ],
)
def test_json_patches_that_fail(kinds: Kinds, operations: Any, code: int) -> None:
    with pytest.raises(ApiError) as error:
        apply_patch(kinds["Pod"], POD, operations, JSON_PATCH)
    assert error.value.code == code


def test_a_json_patch(kinds: Kinds) -> None:
    operations = [
        {"op": "add", "path": "/metadata/labels", "value": {}},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "1"},
        {"op": "remove", "path": "/spec/containers/1"},
    ]
    new = apply_patch(kinds["Pod"], POD, operations, JSON_PATCH)
    assert new["metadata"]["labels"] == {"a/b": "1"}
    assert len(new["spec"]["containers"]) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), json_values, max_size=3)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(objects, objects)
def test_a_merge_patch_is_idempotent(document: Body, patch: Body) -> None:
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once


@given(objects)
def test_patching_nothing_gives_the_patch_without_nulls(patch: Body) -> None:
    assert merge_patch({}, patch) == without_nulls(patch)


DEPLOYMENT = next(defn for defn in builtin_definitions() if defn.kind == "Deployment")
labels = st.dictionaries(st.sampled_from("abcd"), st.text("xyz", max_size=2), max_size=4)


@given(labels, labels)
def test_a_strategic_patch_of_a_map_makes_the_wanted_map(have: dict[str, str], want: dict[str, str]) -> None:
    patch: dict[str, str | None] = dict(want)
    patch |= {key: None for key in have if key not in want}
    body: Body = {"metadata": {"labels": have}}
    for kind in (STRATEGIC_PATCH, MERGE_PATCH):
        new = apply_patch(DEPLOYMENT, body, {"metadata": {"labels": patch}}, kind)
        assert new["metadata"]["labels"] == want
