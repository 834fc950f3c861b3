"""Server-side apply: merging, ownership, conflicts, and the hand-over from client-side apply."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tejer.cluster.apiserver.machinery.definition import Definition, builtin_definitions
from tejer.cluster.apiserver.machinery.fieldset import from_fields, paths_of, show_path, to_fields
from tejer.cluster.apiserver.machinery.patch import apply_patch
from tejer.cluster.apiserver.machinery.prepare import changed, prepare_update
from tejer.cluster.apiserver.machinery.ssa import LAST_APPLIED, server_side_apply, track_update
from tejer.kube.api import MERGE_PATCH, ApiError
from tejer.kube.resource import Body

Kinds = dict[str, Definition]
Create = Callable[..., Body]


def config(**data: str) -> Body:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def workload(*containers: Body, **spec: Any) -> Body:
    pod = {"spec": {"containers": list(containers)}} if containers else {}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {**({"template": pod} if pod else {}), **spec},
    }  # fmt: skip


def owners(body: Body) -> dict[str, Body]:
    return {entry["manager"]: entry["fieldsV1"] for entry in body["metadata"].get("managedFields", [])}


def test_a_create_records_what_it_set(kinds: Kinds, now: datetime, create: Create) -> None:
    made = create(
        workload(
            {"name": "a", "image": "b:1", "ports": [{"containerPort": 80}]},
            selector={"matchLabels": {"x": "y"}},
            template={
                "metadata": {"labels": {"x": "y"}},
                "spec": {"containers": [{"name": "a", "image": "b:1", "ports": [{"containerPort": 80}]}]},
            },
        )
    )
    tracked = track_update(kinds["Deployment"], None, made, manager="kubectl-create", now=now)
    (entry,) = tracked["metadata"]["managedFields"]
    assert entry["operation"] == "Update"
    assert entry["time"] == "2026-01-02T03:04:05Z"
    containers = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert list(containers) == ['k:{"name":"a"}']
    ports = containers['k:{"name":"a"}']["f:ports"]
    assert ports == {
        ".": {},
        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:protocol": {}},
    }
    assert "f:status" not in entry["fieldsV1"]
    assert "f:name" not in entry["fieldsV1"].get("f:metadata", {})


def test_two_managers_share_an_object_by_field(kinds: Kinds, now: datetime) -> None:
    defn = kinds["ConfigMap"]
    first = server_side_apply(defn, None, config(a="1", b="1"), manager="A", now=now)
    second = server_side_apply(defn, first, config(c="2"), manager="B", now=now)
    assert second["data"] == {"a": "1", "b": "1", "c": "2"}
    assert owners(second)["B"] == {"f:data": {"f:c": {}}}
    # A drops b: it goes; c is B's and stays
    third = server_side_apply(defn, second, config(a="1"), manager="A", now=now)
    assert third["data"] == {"a": "1", "c": "2"}


def test_a_field_of_two_owners_survives_one_of_them(kinds: Kinds, now: datetime) -> None:
    defn = kinds["ConfigMap"]
    body = server_side_apply(defn, None, config(a="1"), manager="A", now=now)
    body = server_side_apply(defn, body, config(a="1"), manager="B", now=now)
    nothing: Body = {"kind": "ConfigMap", "metadata": {"name": "c"}}
    body = server_side_apply(defn, body, nothing, manager="A", now=now)
    assert body["data"] == {"a": "1"}
    assert set(owners(body)) == {"B"}


def test_a_conflict_names_the_field_and_its_owner(kinds: Kinds, now: datetime) -> None:
    defn = kinds["Deployment"]
    body = server_side_apply(defn, None, workload({"name": "a", "image": "x:1"}), manager="A", now=now)
    with pytest.raises(ApiError) as error:
        server_side_apply(defn, body, workload({"name": "a", "image": "x:2"}), manager="B", now=now)
    assert error.value.code == 409
    assert error.value.message == (
        'Apply failed with 1 conflict: conflict with "A": .spec.template.spec.containers[name="a"].image'
    )
    (cause,) = error.value.details["causes"]
    assert cause["reason"] == "FieldManagerConflict"
    assert cause["field"] == '.spec.template.spec.containers[name="a"].image'


def test_conflicts_with_updates_say_when(kinds: Kinds, now: datetime, create: Create) -> None:
    defn = kinds["ConfigMap"]
    body = track_update(defn, None, create(config(a="1", b="1")), manager="kubectl-edit", now=now)
    with pytest.raises(ApiError) as error:
        server_side_apply(defn, body, config(a="2", b="2"), manager="B", now=now)
    assert error.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using v1 at 2026-01-02T03:04:05Z:\n'
        "- .data.a\n- .data.b"
    )


def test_force_takes_the_field_over(kinds: Kinds, now: datetime) -> None:
    defn = kinds["ConfigMap"]
    body = server_side_apply(defn, None, config(a="1", b="1"), manager="A", now=now)
    body = server_side_apply(defn, body, config(a="2"), manager="B", force=True, now=now)
    assert body["data"] == {"a": "2", "b": "1"}
    assert owners(body) == {"A": {"f:data": {"f:b": {}}}, "B": {"f:data": {"f:a": {}}}}


def test_keyed_list_items_merge_and_keep_their_order(kinds: Kinds, now: datetime) -> None:
    defn = kinds["Deployment"]
    one, two = {"name": "one", "image": "x:1"}, {"name": "two", "image": "x:1"}
    body = server_side_apply(defn, None, workload(one, two), manager="A", now=now)
    sidecar = {"name": "proxy", "image": "p:1"}
    body = server_side_apply(defn, body, workload(sidecar), manager="B", now=now)
    containers = body["spec"]["template"]["spec"]["containers"]
    assert sorted(c["name"] for c in containers) == ["one", "proxy", "two"]
    body = server_side_apply(defn, body, workload(two), manager="A", now=now)
    assert sorted(c["name"] for c in body["spec"]["template"]["spec"]["containers"]) == ["proxy", "two"]


def test_applying_the_same_again_changes_nothing(kinds: Kinds, now: datetime) -> None:
    defn = kinds["ConfigMap"]
    body = server_side_apply(defn, None, config(a="1"), manager="A", now=now)
    later = now.replace(year=2027)
    assert server_side_apply(defn, body, config(a="1"), manager="A", now=later) == body


def test_an_untracked_object_belongs_to_before_first_apply(kinds: Kinds, now: datetime, create: Create) -> None:
    defn = kinds["ConfigMap"]
    body = create(config(a="1"))
    with pytest.raises(ApiError, match='conflict with "before-first-apply"'):
        server_side_apply(defn, body, config(a="2"), manager="A", now=now)


def test_kubectl_may_take_over_what_its_annotation_says_it_applied(kinds: Kinds, now: datetime, create: Create) -> None:
    defn = kinds["ConfigMap"]
    applied = config(a="1")
    stored = copy.deepcopy(applied)
    stored["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(applied)}
    body = track_update(defn, None, create(stored), manager="kubectl-client-side-apply", now=now)
    new = server_side_apply(defn, body, config(a="2"), manager="kubectl", now=now)
    assert new["data"] == {"a": "2"}
    assert json.loads(new["metadata"]["annotations"][LAST_APPLIED])["data"] == {"a": "2"}
    with pytest.raises(ApiError, match="conflict"):
        server_side_apply(defn, body, config(a="2"), manager="someone-else", now=now)


def test_undeclared_fields_and_managed_fields_are_refused(kinds: Kinds, now: datetime) -> None:
    defn = kinds["ConfigMap"]
    with pytest.raises(
        ApiError, match=r"failed to create typed patch object \(/c; v1, Kind=ConfigMap\): .dat: field not"
    ):
        server_side_apply(defn, None, {**config(), "dat": {}}, manager="A", now=now)
    tracked = {**config(), "metadata": {"name": "c", "managedFields": [{"manager": "x"}]}}
    with pytest.raises(ApiError, match=r"metadata\.managedFields must be nil"):
        server_side_apply(defn, None, tracked, manager="A", now=now)


def test_the_status_has_its_own_entry(kinds: Kinds, now: datetime, create: Create) -> None:
    defn = kinds["Namespace"]
    body = track_update(defn, None, create({"kind": "Namespace", "metadata": {"name": "n"}}), manager="A", now=now)
    sent = {**body, "status": {"phase": "Terminating"}}
    new = prepare_update(defn, body, sent, subresource="status", now=now).body
    new = track_update(defn, body, new, manager="A", subresource="status", now=now)
    by_subresource = {entry.get("subresource", ""): entry["fieldsV1"] for entry in new["metadata"]["managedFields"]}
    assert by_subresource["status"] == {"f:status": {"f:phase": {}}}
    assert "f:status" not in by_subresource[""]


def test_at_most_ten_updaters_are_kept_apart(kinds: Kinds, now: datetime, create: Create) -> None:
    defn = kinds["ConfigMap"]
    body = track_update(defn, None, create(config(a="1")), manager="m0", now=now)
    for index in range(1, 15):
        new = apply_patch(defn, body, {"data": {f"k{index}": "1"}}, MERGE_PATCH)
        body = track_update(defn, body, new, manager=f"m{index:02}", now=now.replace(minute=index))
    managers = [entry["manager"] for entry in body["metadata"]["managedFields"]]
    assert len(managers) == 10
    assert "ancient-changes" in managers


def test_paths_read_as_people_write_them() -> None:
    assert show_path(("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")) == (
        '.spec.ports[port=80,protocol="TCP"].name'
    )
    assert show_path(("f:metadata", "f:finalizers", 'v:"a"')) == '.metadata.finalizers[="a"]'


DEFN = {defn.kind: defn for defn in builtin_definitions()}
keys = st.sampled_from("abcde")
container = st.fixed_dictionaries(
    {"name": keys, "image": st.sampled_from(["x:1", "x:2"])},
    optional={
        "env": st.lists(
            st.fixed_dictionaries({"name": keys, "value": keys}), min_size=1, max_size=3, unique_by=lambda e: e["name"]
        ),
        "args": st.lists(keys, min_size=1, max_size=2),
    },
)
pods = st.lists(container, min_size=1, max_size=3, unique_by=lambda c: c["name"])
steps = st.lists(st.tuples(st.sampled_from("AB"), pods), min_size=1, max_size=5)


@given(pods)
def test_fields_v1_round_trips(containers: list[Body]) -> None:
    paths = paths_of(workload(*containers), DEFN["Deployment"].schema)
    assert from_fields(to_fields(paths)) == paths


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_was_applied_last_is_there_and_nothing_unowned_is(history: list[tuple[str, list[Body]]]) -> None:
    defn, now = DEFN["Deployment"], datetime(2026, 1, 1)
    body: Body | None = None
    latest: dict[str, list[Body]] = {}
    for manager, containers in history:
        body = server_side_apply(defn, body, workload(*containers), manager=manager, force=True, now=now)
        latest[manager] = containers
        found = {c["name"]: c for c in body["spec"]["template"]["spec"]["containers"]}
        for item in containers:
            for key, value in item.items():
                if key == "env":
                    assert all(variable in found[item["name"]]["env"] for variable in value)
                else:
                    assert found[item["name"]][key] == value
        wanted = {item["name"] for items in latest.values() for item in items}
        assert set(found) == wanted
        again = server_side_apply(defn, body, workload(*containers), manager=manager, force=True, now=now)
        assert not changed(body, again)
