"""Whatever a client sends, the answer is an object or an ApiError, never a crash."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tejer.cluster.apiserver.machinery import crd, schema
from tejer.cluster.apiserver.machinery.definition import Definition, builtin_definitions, crd_definitions
from tejer.cluster.apiserver.machinery.patch import apply_patch
from tejer.cluster.apiserver.machinery.prepare import prepare_create, prepare_update
from tejer.cluster.apiserver.machinery.schema import Schema
from tejer.cluster.apiserver.machinery.ssa import server_side_apply, track_update
from tejer.cluster.apiserver.machinery.tables import to_table
from tejer.cluster.apiserver.machinery.validate import validate
from tejer.kube.api import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, ApiError
from tejer.kube.resource import Body

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {defn.kind: defn for defn in builtin_definitions()}
SLOW_IS_FINE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

scalars = st.none() | st.booleans() | st.integers(-3, 70000) | st.text(max_size=4) | st.just("a") | st.floats(-1, 2)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


def values_of(node: Schema, depth: int) -> st.SearchStrategy[Any]:
    """Values near the schema: mostly of its shape, sometimes anything at all."""
    node = schema.resolve(node)
    if depth <= 0:
        return anything
    near: st.SearchStrategy[Any] = scalars
    if node.get("properties"):
        props = {name: values_of(prop, depth - 1) for name, prop in list(node["properties"].items())}
        near = st.lists(st.sampled_from(sorted(props)), max_size=4, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: props[name] for name in names})
        )
    elif node.get("type") == "array":
        near = st.lists(values_of(node.get("items") or {}, depth - 1), max_size=2)
    elif isinstance(node.get("additionalProperties"), dict):
        near = st.dictionaries(st.text(max_size=3), values_of(node["additionalProperties"], depth - 1), max_size=2)
    return st.one_of(near, near, near, anything)


BODIES = {kind: st.deferred(lambda kind=kind: values_of(KINDS[kind].schema, 5)) for kind in KINDS}  # type: ignore[misc]


def write(defn: Definition, body: Any) -> Body | None:
    """A create as the server does it; None when it is refused."""
    try:
        made = prepare_create(defn, body, namespace="default" if defn.rtype.namespaced else "", now=NOW).body
        made = track_update(defn, None, made, manager="m", now=NOW)
        to_table(defn, [made], now=NOW)
        validate(defn, made)
    except ApiError as error:
        assert 400 <= error.code < 500
        return None
    return made


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_body_crashes_a_write(kind: str) -> None:
    @settings(SLOW_IS_FINE, max_examples=8)
    @given(BODIES[kind])
    def check(body: Any) -> None:
        before = copy.deepcopy(body)
        write(KINDS[kind], body)
        assert body == before

    check()


POD: Body = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "finalizers": ["a/b"]},
    "spec": {
        "containers": [{"name": "a", "image": "b:1", "env": [{"name": "E", "value": "1"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
}  # fmt: skip
directives = st.fixed_dictionaries(
    {},
    optional={
        "$patch": st.sampled_from(["replace", "delete", "merge", "fly"]) | scalars,
        "$retainKeys": anything,
        "$setElementOrder/containers": anything,
        "$deleteFromPrimitiveList/finalizers": anything,
        "containers": anything | st.lists(st.fixed_dictionaries({"name": anything}, optional={"$patch": anything})),
        "volumes": anything,
        "env": anything,
    },
)


@SLOW_IS_FINE
@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), directives | anything, max_size=2) | anything)
def test_no_patch_crashes(patch: Any) -> None:
    stored = write(KINDS["Pod"], POD)
    assert stored is not None
    for kind in (STRATEGIC_PATCH, MERGE_PATCH, JSON_PATCH):
        try:
            new = apply_patch(KINDS["Pod"], stored, patch, kind)
            new = prepare_update(KINDS["Pod"], stored, new, now=NOW).body
            validate(KINDS["Pod"], track_update(KINDS["Pod"], stored, new, manager="m", now=NOW), stored)
        except ApiError as error:
            assert 400 <= error.code < 500


@SLOW_IS_FINE
@given(st.lists(anything | st.fixed_dictionaries({"op": anything, "path": anything}), max_size=2))
def test_no_json_patch_crashes(operations: Any) -> None:
    try:
        apply_patch(KINDS["Pod"], POD, operations, JSON_PATCH)
    except ApiError as error:
        assert 400 <= error.code < 500


@SLOW_IS_FINE
@given(BODIES["Pod"])
def test_no_applied_configuration_crashes(body: Any) -> None:
    stored = write(KINDS["Pod"], POD)
    try:
        merged = server_side_apply(KINDS["Pod"], stored, body, manager="m", force=True, now=NOW)
        assert stored is not None
        prepare_update(KINDS["Pod"], stored, merged, now=NOW)
    except ApiError as error:
        assert 400 <= error.code < 500


@SLOW_IS_FINE
@given(anything, st.dictionaries(st.sampled_from(["spec", "metadata", "status", "x"]), anything, max_size=3))
def test_no_schema_or_custom_object_crashes(node: Any, body: Body) -> None:
    definition: Body = {
        "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.shop.example"},
        "spec": {
            "group": "shop.example", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {
                    "name": "v1", "served": True, "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": node}}},
                },
            ],
        },
    }  # fmt: skip
    made = write(KINDS["CustomResourceDefinition"], definition)
    if made is not None:
        (defn,) = crd_definitions(crd.crd_status(made, [], NOW))
        write(defn, {**body, "metadata": {"name": "w"}})
