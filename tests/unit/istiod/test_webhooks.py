"""AdmissionReviews in, answers out."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from tejer.istiod.metrics import Metrics
from tejer.istiod.webhooks import Injection, review_inject, review_validate, sentence
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body

POD: Body = {"metadata": {"generateName": "web-", "namespace": "shop"}}


def review(body: Body) -> Body:
    return {"kind": "AdmissionReview", "request": {"uid": "u1", "namespace": "shop", "object": body}}


def test_an_injected_pod_gets_its_patch_and_warnings() -> None:
    metrics = Metrics()
    patch = [{"op": "add", "path": "/spec/containers/-", "value": {"name": "istio-proxy"}}]
    answer = review_inject(review(POD), lambda pod, ns: Injection(patch, ["careful"]), metrics)["response"]
    assert (answer["uid"], answer["allowed"], answer["patchType"]) == ("u1", True, "JSONPatch")
    assert json.loads(base64.b64decode(answer["patch"])) == patch and answer["warnings"] == ["careful"]
    assert metrics.injected.values[()] == 1


def test_a_pod_that_is_left_alone_is_allowed_without_a_patch() -> None:
    answer = review_inject(review(POD), lambda pod, ns: Injection(), Metrics())["response"]
    assert answer == {"uid": "u1", "allowed": True}


def test_a_pod_that_cannot_be_injected_is_refused_with_the_reason() -> None:
    def refuse(pod: Body, namespace: str) -> Injection:
        raise ValueError("annotation x is wrong")

    answer = review_inject(review(POD), refuse, Metrics())["response"]
    assert not answer["allowed"]
    assert answer["status"]["message"] == "sidecar injection of pod shop/web-: annotation x is wrong"


def test_errors_refuse_and_warnings_pass() -> None:
    problems = [
        Problem(severity=Severity.ERROR, message="must not be empty", field="spec.hosts", hint="name a host"),
        Problem(severity=Severity.WARNING, message="not implemented yet: ignored", field="spec.tls", code="IST0101"),
    ]

    def check(body: Body, old: Body | None) -> Sequence[Problem]:
        return problems

    body = {"kind": "VirtualService", "metadata": {"name": "web"}}
    answer = review_validate(review(body), check, Metrics())["response"]
    message = "configuration is invalid: VirtualService 'web': spec.hosts: must not be empty (name a host)"
    assert not answer["allowed"] and answer["status"]["message"] == message
    assert answer["warnings"] == ["[IST0101] spec.tls: not implemented yet: ignored"]
    problems.pop(0)
    answer = review_validate(review(body), check, Metrics())["response"]
    assert answer["allowed"] and len(answer["warnings"]) == 1


def test_a_fault_of_ours_refuses_and_says_so() -> None:
    def broken(body: Body, old: Body | None) -> Sequence[Problem]:
        raise KeyError("oops")

    answer = review_validate(review({}), broken, Metrics())["response"]
    assert not answer["allowed"] and "a fault of istiod's" in answer["status"]["message"]


def test_a_problem_as_a_sentence() -> None:
    assert sentence(Problem(severity=Severity.ERROR, message="is wrong")) == "is wrong"


def test_refusals_are_counted_by_resources_we_know() -> None:
    def check(body: Body, old: Body | None) -> Sequence[Problem]:
        return [bad] if body["bad"] else []

    metrics = Metrics()
    bad = Problem(severity=Severity.ERROR, message="bad")
    known = {"group": "networking.istio.io", "version": "v1", "resource": "gateways"}
    asked: list[object] = [known, {**known, "resource": "x" * 9000}, {**known, "version": "v7"}, None, "gateways"]
    for resource in asked:
        for wrong in (False, True):
            request = review({"bad": wrong})
            request["request"]["resource"] = resource
            review_validate(request, check, metrics)
    assert metrics.validated.values == {("networking.istio.io", "v1", "gateways"): 1, ("", "", "other"): 4}
    assert metrics.invalid.values == {
        ("networking.istio.io", "v1", "gateways", "invalid_resource"): 1, ("", "", "other", "invalid_resource"): 4,
    }  # fmt: skip
