"""Which events are made, and that they fit what Kubernetes takes."""

from __future__ import annotations

import asyncio
from typing import Any

from tejer.istiod.events import MOST_PER_OBJECT, Events, event, event_name, shown
from tejer.kube.api import ApiError
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body
from tejer.kube.types import PODS, VIRTUALSERVICES

KEY = VIRTUALSERVICES.key("shop", "web")
BODY: Body = {"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}}
STORES = {"virtualservices": {KEY: BODY}}


def problem(message: str = "no such host", severity: Severity = Severity.ERROR, **more: Any) -> Problem:
    return Problem(severity=severity, message=message, **{"key": KEY, "code": "IST0101", "field": "spec.x", **more})


def test_only_warnings_and_errors_of_istio_objects_and_not_too_many() -> None:
    assert shown([problem(severity=Severity.INFO), problem(key=PODS.key("shop", "p")), problem(key=None)]) == {}
    many = [problem(str(number)) for number in range(MOST_PER_OBJECT + 5)]
    assert len(shown(many)) == MOST_PER_OBJECT


def test_names_and_texts_stay_within_what_kubernetes_takes() -> None:
    key = VIRTUALSERVICES.key("shop", "n" * 253)
    long = problem("x" * 5000, key=key)
    made = event(long, key, event_name(long, key), BODY, "2026-01-01T00:00:00Z")
    assert len(made["metadata"]["name"]) <= 253 and len(made["message"]) <= 1024
    assert event_name(long, key) != event_name(problem("y", key=key), key)


class FakeApi:
    """Keeps events; refuses a name that is there."""

    def __init__(self) -> None:
        self.events: dict[str, Body] = {}

    async def create(self, _: object, body: Body, namespace: str) -> Body:
        name = body["metadata"]["name"]
        if name in self.events:
            raise ApiError(409, "AlreadyExists", name)
        self.events[name] = body
        return body

    async def delete(self, _: object, name: str, namespace: str) -> None:
        if self.events.pop(name, None) is None:
            raise ApiError(404, "NotFound", name)


def test_a_new_leader_repeats_nothing_and_a_mended_problem_is_said() -> None:
    api = FakeApi()

    async def run() -> None:
        await Events(api).publish([problem()], STORES, "2026-01-01T00:00:00Z")  # type: ignore[arg-type]
        second = Events(api)  # type: ignore[arg-type]
        await second.publish([problem()], STORES, "2026-01-01T00:00:05Z")
        assert [one["type"] for one in api.events.values()] == ["Warning"]
        await second.publish([], STORES, "2026-01-01T00:00:09Z")
        assert [(one["type"], one["reason"]) for one in api.events.values()] == [("Normal", "Mended")]

    asyncio.run(run())
