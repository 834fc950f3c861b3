"""Which webhooks are called, and what their answers do."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tejer.cluster.apiserver.machinery.admission import Attributes, Call, apply_answer, failed, plan_calls, review
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

Kinds = dict[str, Definition]
Create = Callable[..., Body]


def configuration(**webhook: Any) -> Body:
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    service = {"namespace": "istio-system", "name": "istiod", "path": "/inject", "port": 443}
    hook: Body = {"name": "inject.istio.io", "rules": [rule], "clientConfig": {"service": service}, **webhook}
    return {"metadata": {"name": "injector"}, "webhooks": [hook]}


@pytest.fixture
def attributes(kinds: Kinds, create: Create) -> Attributes:
    body: Body = {
        "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "a", "image": "b:1"}]},
    }  # fmt: skip
    return Attributes(
        defn=kinds["Pod"], operation="CREATE", namespace="shop", name="p", new=create(body), old=None,
        user={"username": "me"}, namespace_object={"metadata": {"labels": {"istio-injection": "enabled"}}},
    )  # fmt: skip


def rule(**changes: Any) -> list[Body]:
    base = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    return [{**base, **changes}]


@pytest.mark.parametrize(
    ("webhook", "called"),
    [
        ({}, True),
        ({"rules": rule(operations=["*"], apiGroups=["*"], apiVersions=["*"], resources=["*/*"])}, True),
        ({"rules": rule(operations=["UPDATE"])}, False),
        ({"rules": rule(apiGroups=["apps"])}, False),
        ({"rules": rule(resources=["pods/status"])}, False),
        ({"rules": rule(scope="Cluster")}, False),
        ({"rules": rule(scope="Namespaced")}, True),
        ({"namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "istio-injection", "operator": "DoesNotExist"}]}}, False),
        ({"objectSelector": {"matchLabels": {"app": "y"}}}, False),
        ({"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'p'"}]}, True),
        ({"matchConditions": [{"name": "c", "expression": "request.operation == 'DELETE'"}]}, False),
        ({"matchConditions": [{"name": "c", "expression": "object.nothing.there"}], "failurePolicy": "Ignore"}, False),
    ],
)
def test_who_is_called(attributes: Attributes, webhook: Body, called: bool) -> None:
    calls = plan_calls(attributes, [configuration(**webhook)], mutating=True)
    assert bool(calls) is called


def test_configurations_are_called_by_name(attributes: Attributes) -> None:
    second, first = configuration(), configuration()
    first["metadata"]["name"] = "a"
    calls = plan_calls(attributes, [second, first], mutating=True)
    assert [call.configuration for call in calls] == ["a", "injector"]


def call_of(attributes: Attributes, **webhook: Any) -> Call:
    return plan_calls(attributes, [configuration(**webhook)], mutating=True)[0]


def test_the_call_and_its_review(attributes: Attributes) -> None:
    call = call_of(attributes, timeoutSeconds=3)
    assert (call.timeout_seconds, call.server_name) == (3.0, "istiod.istio-system.svc")
    assert call.address == "https://istiod.istio-system.svc:443/inject"
    request = review(call, attributes, attributes.new, "u1")["request"]
    assert request["uid"] == "u1"
    assert request["kind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert request["resource"] == {"group": "", "version": "v1", "resource": "pods"}
    assert (request["namespace"], request["operation"], request["oldObject"]) == ("shop", "CREATE", None)
    assert request["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}


def answer(uid: str = "u", **response: Any) -> Body:
    return {"response": {"uid": uid, "allowed": True, **response}}


def patch(operations: list[Body]) -> Body:
    return answer(patchType="JSONPatch", patch=base64.b64encode(json.dumps(operations).encode()).decode())


def test_a_patch_is_applied_and_defaulted(attributes: Attributes) -> None:
    call = call_of(attributes)
    operations: list[Body] = [
        {"op": "add", "path": "/spec/containers/-", "value": {"name": "istio-proxy", "image": "p:1"}}
    ]
    result = apply_answer(call, attributes, attributes.new, "u", patch(operations) | {"warnings": []})
    assert result.body is not None
    assert result.body["spec"]["containers"][1]["imagePullPolicy"] == "IfNotPresent"
    assert attributes.new is not None and len(attributes.new["spec"]["containers"]) == 1


def test_warnings_are_passed_on(attributes: Attributes) -> None:
    result = apply_answer(call_of(attributes), attributes, attributes.new, "u", answer(warnings=["careful"]))
    assert result.warnings == ("careful",)
    assert result.body is attributes.new


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        ({"message": "no"}, 403, 'admission webhook "inject.istio.io" denied the request: no'),
        ({}, 403, 'admission webhook "inject.istio.io" denied the request without explanation'),
        ({"code": 400, "message": "bad", "reason": "BadRequest"}, 400,
         'admission webhook "inject.istio.io" denied the request: bad'),
    ],
)  # fmt: skip
def test_denials(attributes: Attributes, status: Body, code: int, message: str) -> None:
    with pytest.raises(ApiError) as error:
        apply_answer(call_of(attributes), attributes, None, "u", answer(allowed=False, status=status))
    assert (error.value.code, error.value.message) == (code, message)


@pytest.mark.parametrize(
    "nonsense",
    [{}, None, answer("other"), patch([{"op": "remove", "path": "/no"}]), answer(patch="!", patchType="JSONPatch")],
)
def test_nonsense_fails_or_is_ignored(attributes: Attributes, nonsense: Any) -> None:
    with pytest.raises(ApiError) as error:
        apply_answer(call_of(attributes), attributes, attributes.new, "u", nonsense)
    assert error.value.code == 500
    lenient = call_of(attributes, failurePolicy="Ignore")
    assert apply_answer(lenient, attributes, attributes.new, "u", nonsense).body is attributes.new


def test_an_unreachable_webhook(attributes: Attributes) -> None:
    with pytest.raises(ApiError) as error:
        failed(call_of(attributes), "https://x/", "connection refused")
    assert error.value.message == (
        'Internal error occurred: failed calling webhook "inject.istio.io": failed to call webhook: '
        'Post "https://x/": connection refused'
    )
    assert "connection refused" in failed(
        call_of(attributes, failurePolicy="Ignore"), "https://x/", "connection refused"
    )
