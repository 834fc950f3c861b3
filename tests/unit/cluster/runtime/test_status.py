from __future__ import annotations

from dataclasses import replace
from typing import Any

from tejer.cluster.runtime.decide import decide
from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.states import ContainerState, Ended, begun, ended
from tejer.cluster.runtime.status import Situation, pod_status
from tejer.kube.resource import Body
from tests.unit.cluster.runtime.pods import pod

WHERE = Situation(host_ip="10.244.0.1", ip="10.244.0.7", start_time=0.0, now=100.0)


def status(state: ContainerState, old: Body | None = None, **spec: object) -> Body:
    made = pod(**spec)
    return pod_status(made, old or {}, (state,), decide((state,), "Always", 100.0), WHERE)


def condition(body: Body, kind: str) -> Body:
    return next(each for each in body["conditions"] if each["type"] == kind)


FRESH = ContainerState(name="main", role=Role.MAIN)
RUNNING = replace(begun(FRESH, attempt=2, pid=1, container_id="tejer://c", now=50.0), started=True)


def test_a_pod_that_waits_says_for_what() -> None:
    body = status(FRESH)
    assert body["phase"] == "Pending"
    assert body["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert condition(body, "Ready")["message"] == "containers with unready status: [main]"


def test_a_ready_pod() -> None:
    body = status(replace(RUNNING, ready=True))
    assert (body["phase"], body["podIP"], body["qosClass"]) == ("Running", "10.244.0.7", "BestEffort")
    shown = body["containerStatuses"][0]
    assert shown["state"] == {"running": {"startedAt": "1970-01-01T00:00:50Z"}}
    assert (shown["ready"], shown["restartCount"]) == (True, 2)
    assert condition(body, "Ready")["status"] == "True"


def test_the_last_end_is_kept_while_it_waits_or_runs() -> None:
    end = Ended(exit_code=137, signal=9, started=1.0, finished=2.0, reason="Error")
    body = status(replace(RUNNING, ended=end))
    assert body["containerStatuses"][0]["lastState"]["terminated"]["signal"] == 9
    assert status(ended(RUNNING, end))["containerStatuses"][0]["lastState"] == {}


def test_times_of_transition_change_with_the_value_only() -> None:
    old = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "then"},
                          {"type": "mine", "status": "False"}]}  # fmt: skip
    assert condition(status(replace(RUNNING, ready=True), old), "Ready")["lastTransitionTime"] == "then"
    body = status(RUNNING, old)
    assert condition(body, "Ready")["lastTransitionTime"] == "1970-01-01T00:01:40Z"
    assert condition(body, "mine") == {"type": "mine", "status": "False"}


def test_readiness_gates_hold_ready_back() -> None:
    gated: dict[str, Any] = {"readinessGates": [{"conditionType": "gate"}]}
    body = status(replace(RUNNING, ready=True), **gated)
    assert condition(body, "ContainersReady")["status"] == "True"
    assert condition(body, "Ready")["reason"] == "ReadinessGatesNotReady"
    opened = {"conditions": [{"type": "gate", "status": "True"}]}
    assert condition(status(replace(RUNNING, ready=True), opened, **gated), "Ready")["status"] == "True"
