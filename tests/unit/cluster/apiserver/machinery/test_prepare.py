"""Creates and updates: metadata, field validation, status, generation, defaults."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime

import pytest

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.prepare import after_mutation, changed, prepare_create, prepare_update
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

Kinds = dict[str, Definition]
Create = Callable[..., Body]


def deployment(**spec: object) -> Body:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]},
            },
            **spec,
        },
    }


def test_create_sets_what_the_server_owns(kinds: Kinds, now: datetime) -> None:
    body = deployment()
    body["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7}
    made = prepare_create(kinds["Deployment"], body, namespace="shop", now=now).body
    meta = made["metadata"]
    assert meta["namespace"] == "shop"
    assert meta["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert meta["generation"] == 1
    assert meta["uid"] != "mine"
    assert list(made)[:3] == ["apiVersion", "kind", "metadata"]


def test_create_fills_the_defaults_of_kubernetes(create: Create) -> None:
    spec = create(deployment())["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Always"
    assert pod["terminationGracePeriodSeconds"] == 30
    container = pod["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert container["resources"] == {}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("r:5000/a", "Always"),
        ("a:1", "IfNotPresent"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(create: Create, image: str, policy: str) -> None:
    pod: Body = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": image}]}}
    assert create(pod)["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_strict_refuses_unknown_fields_with_the_text_clients_know(kinds: Kinds, now: datetime) -> None:
    with pytest.raises(ApiError) as error:
        prepare_create(kinds["Deployment"], deployment(foo=1), namespace="d", now=now, field_validation="Strict")
    assert error.value.code == 400
    assert error.value.message == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo"'
    )


def test_warn_is_the_default_and_ignore_is_silent(kinds: Kinds, now: datetime) -> None:
    warned = prepare_create(kinds["Deployment"], deployment(foo=1), namespace="d", now=now, duplicates=("spec.foo",))
    assert warned.warnings == ('duplicate field "spec.foo"', 'unknown field "spec.foo"')
    quiet = prepare_create(kinds["Deployment"], deployment(foo=1), namespace="d", now=now, field_validation="Ignore")
    assert quiet.warnings == ()


def test_a_strict_patch_error_names_the_patch(kinds: Kinds, now: datetime, create: Create) -> None:
    old = create(deployment())
    patch = {"spec": {"foo": 1}}
    with pytest.raises(ApiError) as error:
        prepare_update(
            kinds["Deployment"], old, {**old, "spec": {**old["spec"], "foo": 1}}, now=now,
            field_validation="Strict", patch=patch,
        )  # fmt: skip
    assert error.value.code == 422
    assert (
        'patch: Invalid value: "{"spec":{"foo":1}}": strict decoding error: unknown field "spec.foo"'
        in error.value.message
    )


def test_generate_name_adds_five_characters(kinds: Kinds, now: datetime) -> None:
    body: Body = {"metadata": {"generateName": "job-" + "x" * 80}}
    name = prepare_create(kinds["ConfigMap"], body, namespace="d", now=now).body["metadata"]["name"]
    assert len(name) == 63
    assert name.startswith("job-xxx")


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        ({"name": "a", "namespace": "other"}, "the namespace of the provided object does not match the namespace sent"),
        ({"name": "a", "resourceVersion": "5"}, "resourceVersion should not be set on objects to be created"),
    ],
)
def test_metadata_that_a_create_refuses(kinds: Kinds, now: datetime, meta: Body, problem: str) -> None:
    with pytest.raises(ApiError, match=problem):
        prepare_create(kinds["ConfigMap"], {"metadata": meta}, namespace="d", now=now)


def test_another_kind_or_version_is_refused(kinds: Kinds, now: datetime) -> None:
    with pytest.raises(ApiError, match=r"API version in the data \(apps/v1beta1\) does not match"):
        prepare_create(kinds["Deployment"], {"apiVersion": "apps/v1beta1"}, namespace="d", now=now)
    with pytest.raises(ApiError, match="cannot be handled as a Deployment"):
        prepare_create(kinds["Deployment"], {"kind": "Pod"}, namespace="d", now=now)


def test_create_ignores_the_status_of_a_kind_that_has_the_subresource(create: Create, widget: Definition) -> None:
    pod: Body = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    assert create({**pod, "status": {"phase": "Running"}})["status"] == {"phase": "Pending"}
    made = create({"metadata": {"name": "w"}, "spec": {"size": 1}, "status": {"ready": True}}, defn=widget)
    assert "status" not in made


def test_update_counts_the_generation_only_for_the_spec(kinds: Kinds, now: datetime, create: Create) -> None:
    defn, old = kinds["Deployment"], create(deployment())
    labelled = copy.deepcopy(old)
    labelled["metadata"]["labels"] = {"a": "b"}
    assert prepare_update(defn, old, labelled, now=now).body["metadata"]["generation"] == 1
    scaled = copy.deepcopy(old)
    scaled["spec"]["replicas"] = 5
    assert prepare_update(defn, old, scaled, now=now).body["metadata"]["generation"] == 2


def test_the_status_moves_only_through_its_subresource(kinds: Kinds, now: datetime, create: Create) -> None:
    defn, old = kinds["Deployment"], create(deployment())
    sent = copy.deepcopy(old)
    sent["spec"]["replicas"] = 9
    sent["status"] = {"replicas": 1, "observedGeneration": 1}
    main = prepare_update(defn, old, sent, now=now).body
    assert (main["spec"]["replicas"], main["status"]) == (9, {})
    status = prepare_update(defn, old, sent, subresource="status", now=now).body
    assert (status["spec"]["replicas"], status["status"]) == (1, {"replicas": 1, "observedGeneration": 1})
    assert status["metadata"]["generation"] == 1


def test_update_refuses_another_identity(kinds: Kinds, now: datetime, create: Create) -> None:
    defn, old = kinds["Deployment"], create(deployment())
    with pytest.raises(ApiError) as error:
        prepare_update(defn, old, {**old, "metadata": {**old["metadata"], "uid": "other"}}, now=now)
    assert (error.value.code, error.value.reason) == (409, "Conflict")
    with pytest.raises(ApiError, match="does not match the name on the URL"):
        prepare_update(defn, old, {**old, "metadata": {**old["metadata"], "name": "other"}}, now=now)


def test_writing_the_same_again_changes_nothing(kinds: Kinds, now: datetime, create: Create) -> None:
    old = create(deployment())
    again = prepare_update(kinds["Deployment"], old, deployment(), now=now).body
    assert not changed(old, again)
    assert changed(old, {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}})


def test_times_of_managed_fields_are_no_change() -> None:
    entry = {"manager": "a", "operation": "Update", "time": "2026-01-01T00:00:00Z"}
    old: Body = {"metadata": {"managedFields": [entry]}}
    assert not changed(old, {"metadata": {"managedFields": [{**entry, "time": "2027-01-01T00:00:00Z"}]}})


def test_true_is_not_one() -> None:
    assert changed({"metadata": {}, "data": {"a": 1}}, {"metadata": {}, "data": {"a": True}})


def test_a_service_keeps_its_allocated_addresses(kinds: Kinds, now: datetime, create: Create) -> None:
    body: Body = {
        "kind": "Service", "metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}
    }  # fmt: skip
    old = create(body)
    old["spec"] |= {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}
    old["spec"]["ports"][0]["nodePort"] = 30080
    new = prepare_update(kinds["Service"], old, body, now=now).body
    assert new["spec"]["clusterIP"] == "10.96.0.7"
    assert new["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30080}]


def test_secret_string_data_becomes_data(create: Create) -> None:
    made = create({"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hello"}})
    assert made["data"] == {"a": "aGVsbG8="}
    assert made["type"] == "Opaque"
    assert "stringData" not in made


def test_a_namespace_carries_its_name_as_a_label(create: Create) -> None:
    made = create({"kind": "Namespace", "metadata": {"name": "shop"}})
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    assert made["status"] == {"phase": "Active"}
    assert made["spec"] == {"finalizers": ["kubernetes"]}


def test_custom_resources_take_defaults_from_their_schema(create: Create, widget: Definition) -> None:
    body: Body = {"metadata": {"name": "w"}, "spec": {"size": 1, "color": None, "parts": [{"name": "x"}]}}
    assert create(body, defn=widget)["spec"] == {"size": 1, "color": "red", "parts": [{"name": "x", "count": 1}]}


def test_what_a_webhook_returns_is_decoded_again(kinds: Kinds, create: Create) -> None:
    pod = create({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}})
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "c:1", "unknown": 1})
    again = after_mutation(kinds["Pod"], pod)["spec"]["containers"][1]
    assert again["imagePullPolicy"] == "IfNotPresent"
    assert "unknown" not in again
