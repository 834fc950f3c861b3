"""The STATUS of a pod, as kubectl shows it: derived from phase, reasons and the states of its containers.

Source: kubernetes `pkg/printers/internalversion/printers.go: printPod`, release 1.33.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from tejer.cluster.apiserver.machinery.age import age
from tejer.kube.resource import Body

_NONE = "<none>"


class PodSummary(NamedTuple):
    """`restarts` counts the containers that run now; `last_restart` is an RFC 3339 time or ""."""

    ready: int
    total: int
    status: str
    restarts: int
    last_restart: str


def pod_cells(pod: Body, now: datetime) -> list[Any]:
    summary = summarize(pod)
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts += f" ({age(summary.last_restart, now)} ago)"
    meta = pod.get("metadata") or {}
    return [
        meta.get("name", ""), f"{summary.ready}/{summary.total}", summary.status, restarts,
        age(meta.get("creationTimestamp"), now), status.get("podIP") or _NONE, spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE, _readiness_gates(pod),
    ]  # fmt: skip


def summarize(pod: Body) -> PodSummary:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars = {c.get("name") for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
    init_statuses, statuses = status.get("initContainerStatuses") or [], status.get("containerStatuses") or []
    shown = status.get("reason") or status.get("phase") or "Unknown"
    initializing = _initializing(spec, init_statuses, sidecars)
    running_sidecars = [s for s in init_statuses if s.get("name") in sidecars]
    counted = running_sidecars + statuses
    ready = sum(1 for s in running_sidecars if s.get("started") and s.get("ready"))
    if initializing and not _initialized(status):
        shown = initializing
        counted = init_statuses
    else:
        ready += sum(1 for s in statuses if s.get("ready") and "running" in (s.get("state") or {}))
        shown = _from_containers(shown, statuses, status)
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        shown = "Unknown" if status.get("reason") == "NodeLost" else _terminating(shown, status)
    times = [((s.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or "" for s in counted]
    return PodSummary(
        ready=ready,
        total=len(spec.get("containers") or ()) + len(sidecars),
        status=shown,
        restarts=sum(int(s.get("restartCount") or 0) for s in counted),
        last_restart=max(times, default=""),
    )


def _terminating(shown: str, status: Body) -> str:
    return shown if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _initialized(status: Body) -> bool:
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Initialized" and c.get("status") == "True" for c in conditions)


def _initializing(spec: Body, statuses: list[Body], sidecars: set[Any]) -> str:
    """`Init:…` for the first init container that is not done, "" when all are."""
    for index, container in enumerate(statuses):
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            continue
        if terminated is not None:
            return "Init:" + _why_terminated(terminated)
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(spec.get('initContainers') or ())}"
    return ""


def _why_terminated(terminated: Body) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _from_containers(shown: str, statuses: list[Body], status: Body) -> str:
    running = False
    for container in reversed(statuses):
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            shown = str(waiting["reason"])
        elif terminated is not None:
            shown = _why_terminated(terminated)
        elif container.get("ready") and "running" in state:
            running = True
    if shown == "Completed" and running:
        ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
        return "Running" if ready else "NotReady"
    return shown


def _readiness_gates(pod: Body) -> str:
    gates = [gate.get("conditionType") for gate in (pod.get("spec") or {}).get("readinessGates") or ()]
    if not gates:
        return _NONE
    conditions = (pod.get("status") or {}).get("conditions") or ()
    true = {c.get("type") for c in conditions if c.get("status") == "True"}
    return f"{sum(1 for gate in gates if gate in true)}/{len(gates)}"
