"""What is written into objects' status, and that nothing is written twice."""

from __future__ import annotations

from tejer.istiod.status import plan
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, Key
from tejer.kube.types import VIRTUALSERVICES

KEY = VIRTUALSERVICES.key("shop", "web")
ERROR = Problem(severity=Severity.ERROR, key=KEY, code="IST0101", field="spec.hosts[0]", message="no such host")


def stores(status: Body | None = None) -> dict[str, dict[Key, Body]]:
    body: Body = {"metadata": {"name": "web", "namespace": "shop", "generation": 3}}
    return {"virtualservices": {KEY: body | ({"status": status} if status else {})}}


def test_a_problem_is_written_once_and_taken_back_when_it_is_gone() -> None:
    [write] = plan([ERROR], stores(), "t1")
    status = write.patch["status"]
    [message] = status["validationMessages"]
    assert message["type"] == {"code": "IST0101", "name": "ReferencedResourceNotFound"}
    assert message["level"] == "ERROR"
    assert message["documentationUrl"].endswith("/ist0101/")
    [condition] = status["conditions"]
    assert condition["message"] == "spec.hosts[0]: no such host"
    assert (condition["type"], condition["status"], condition["observedGeneration"]) == ("Accepted", "False", 3)
    assert plan([ERROR], stores(status), "t2") == []
    [write] = plan([], stores(status), "t3")
    assert write.patch["status"]["validationMessages"] is None
    assert write.patch["status"]["conditions"][0]["status"] == "True"
    assert plan([], stores(write.patch["status"]), "t4") == []


def test_objects_without_problems_stay_without_status_and_others_conditions_stay() -> None:
    assert plan([], stores(), "t1") == []
    foreign = {"type": "Reconciled", "status": "True"}
    [write] = plan([ERROR], stores({"conditions": [foreign]}), "t1")
    assert write.patch["status"]["conditions"][0] == foreign


def test_warnings_do_not_make_an_object_unaccepted() -> None:
    warning = Problem(severity=Severity.WARNING, key=KEY, message="not implemented yet")
    [write] = plan([warning, Problem(severity=Severity.ERROR, message="of nobody")], stores(), "t1")
    [condition] = write.patch["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "Warnings")
    assert condition["message"] == "not implemented yet"
