"""Container states → the pod's status, as a kubelet reports it. Pure.

Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle and `pkg/kubelet/status/generate.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tejer.cluster.runtime.decide import Decision
from tejer.cluster.runtime.events import timestamp
from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.states import ContainerState, Ended, Stage
from tejer.kube.kinds.core import Pod
from tejer.kube.resource import Body

_OURS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What besides the containers' states goes into the status. `ip` is "" before the pod has its network."""

    host_ip: str
    ip: str
    start_time: float
    now: float
    reason: str = ""
    message: str = ""
    deleted: bool = False


def pod_status(pod: Pod, old: Body, states: Sequence[ContainerState], decision: Decision, where: Situation) -> Body:
    """The whole new status; what it doesn't know of `old` (other writers' conditions, qosClass) stays."""
    images = {container.name: container.image for container in (*pod.spec.init_containers, *pod.spec.containers)}
    bodies = {state.name: _container_status(state, images[state.name]) for state in states}
    first = [bodies[state.name] for state in states if state.role is not Role.MAIN]
    mains = [bodies[state.name] for state in states if state.role is Role.MAIN]
    status: Body = {
        "phase": decision.phase,
        "conditions": _conditions(pod, old, states, decision, where),
        "hostIP": where.host_ip,
        "hostIPs": [{"ip": where.host_ip}],
        "startTime": timestamp(where.start_time),
        "qosClass": old.get("qosClass") or _qos(pod),
        "containerStatuses": mains,
    }
    if first:
        status["initContainerStatuses"] = first
    if where.ip:
        status |= {"podIP": where.ip, "podIPs": [{"ip": where.ip}]}
    if where.reason:
        status["reason"] = where.reason
    if where.message:
        status["message"] = where.message
    return status


def _container_status(state: ContainerState, image: str) -> Body:
    body: Body = {
        "name": state.name,
        "image": image,
        "imageID": f"tejer://{image}" if state.container_id else "",
        "ready": state.ready or (state.role is Role.INIT and state.succeeded),
        "started": state.started,
        "restartCount": state.restarts,
        "state": {},
        "lastState": {},
    }
    if state.container_id:
        body["containerID"] = state.container_id
    if state.stage is Stage.RUNNING:
        body["state"] = {"running": {"startedAt": timestamp(state.since)}}
    elif state.stage is Stage.TERMINATED and state.ended is not None:
        body["state"] = {"terminated": _terminated(state.ended)}
    else:
        waiting = {"reason": state.reason}
        body["state"] = {"waiting": {**waiting, "message": state.message} if state.message else waiting}
    if state.ended is not None and state.stage is not Stage.TERMINATED:
        body["lastState"] = {"terminated": _terminated(state.ended)}
    return body


def _terminated(end: Ended) -> Body:
    body: Body = {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": timestamp(end.started) if end.started else None,
        "finishedAt": timestamp(end.finished),
    }
    if end.container_id:
        body["containerID"] = end.container_id
    if end.signal:
        body["signal"] = end.signal
    if end.message:
        body["message"] = end.message
    return body


def _conditions(
    pod: Pod, old: Body, states: Sequence[ContainerState], decision: Decision, where: Situation
) -> list[Body]:
    before = {condition.get("type"): condition for condition in old.get("conditions") or []}
    mains = [state for state in states if state.role is not Role.INIT]
    ended = decision.phase in {"Succeeded", "Failed"}
    unready = [state.name for state in mains if not state.ready]
    why: tuple[str, str] = ("", "")
    if ended:
        why = ("PodCompleted" if decision.phase == "Succeeded" else "PodFailed", "")
    elif unready:
        why = ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    uninitialized = [s.name for s in states if s.role is not Role.MAIN and not (s.succeeded or s.started)]
    init_why = ("", "")
    if not decision.initialized:
        init_why = ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(uninitialized)}]")
    containers_ready = not unready and not ended
    gates = [gate.condition_type for gate in pod.spec.readiness_gates]
    open_gates = all(before.get(gate, {}).get("status") == "True" for gate in gates)
    gate_why = ("ReadinessGatesNotReady", "") if containers_ready and not open_gates else why
    wanted = {
        "PodReadyToStartContainers": (bool(where.ip), ("", "")),
        "Initialized": (decision.initialized, init_why),
        "Ready": (containers_ready and open_gates, gate_why),
        "ContainersReady": (containers_ready, why),
        "PodScheduled": (True, ("", "")),
    }
    ours = [_condition(before.get(kind, {}), kind, *wanted[kind], where.now) for kind in _OURS]
    return [*ours, *(condition for kind, condition in before.items() if kind not in _OURS)]


def _condition(old: Body, kind: str, true: bool, why: tuple[str, str], now: float) -> Body:
    value = "True" if true else "False"
    since = old.get("lastTransitionTime") if old.get("status") == value else None
    body: Body = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": since or timestamp(now)}
    if why[0] and not true:
        body["reason"] = why[0]
    if why[1] and not true:
        body["message"] = why[1]
    return body


def _qos(pod: Pod) -> str:
    """Guaranteed, Burstable or BestEffort, by cpu and memory requests and limits."""
    guaranteed, any_set = True, False
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        limits = container.resources.limits if container.resources else {}
        requests = container.resources.requests if container.resources else {}
        any_set = any_set or bool({"cpu", "memory"} & (limits.keys() | requests.keys()))
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                guaranteed = False
    return "Guaranteed" if guaranteed and any_set else "Burstable" if any_set else "BestEffort"
