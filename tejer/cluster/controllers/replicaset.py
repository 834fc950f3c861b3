"""ReplicaSet: as many pods as it says. Source: kube-controller-manager `pkg/controller/replicaset`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.pods import (
    condition,
    integer,
    is_active,
    is_ready,
    seconds_until_available,
)
from tejer.cluster.controllers.world import World, controller_ref, controller_uid, owner_reference
from tejer.cluster.controllers.writes import (
    Again,
    Create,
    Delete,
    Patch,
    Write,
    event,
    set_status,
    timestamp,
)
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, Change, Key, metadata, name_of, namespace_of
from tejer.kube.selectors import label_selector
from tejer.kube.types import PODS, REPLICASETS

_COMPONENT = "replicaset-controller"
_BURST = 500
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def keys(world: World, change: Change) -> Iterable[Key]:
    """ReplicaSets themselves; for a pod its owner, or those that may adopt it."""
    if (change.key.group, change.key.resource) == (REPLICASETS.group, REPLICASETS.plural):
        return [change.key]
    if change.key.resource != PODS.plural or change.key.group:
        return []
    refs = [controller_ref(body) for body in (change.old, change.new) if body is not None]
    owners = [REPLICASETS.key(change.key.namespace, ref["name"]) for ref in refs if ref and ref["kind"] == "ReplicaSet"]
    if owners or change.new is None:
        return owners
    return [REPLICASETS.key_of(rs) for rs in world.all(REPLICASETS, change.key.namespace) if _selects(rs, change.new)]


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    rs = world.get(key)
    if rs is None:
        return []
    pods = world.owned(PODS, metadata(rs)["uid"])
    writes: list[Write] = []
    if not metadata(rs).get("deletionTimestamp"):
        writes += _claim(world, rs, pods)
        active = [pod for pod in pods if is_active(pod) and _selects(rs, pod)]
        wanted = integer(rs["spec"].get("replicas"), 1)
        if not any(isinstance(write, Patch) for write in writes):
            writes += _manage(rs, active, wanted, now)
    return writes + _status(rs, pods, now)


def _selects(rs: Body, pod: Body) -> bool:
    return label_selector(rs["spec"].get("selector")).matches(metadata(pod).get("labels"))


def _claim(world: World, rs: Body, owned: list[Body]) -> list[Write]:
    """Release pods whose labels no longer match and adopt matching ones that nobody controls."""
    uid = metadata(rs)["uid"]
    writes: list[Write] = []
    for pod in owned:
        if is_active(pod) and not _selects(rs, pod):
            refs = [ref for ref in metadata(pod)["ownerReferences"] if ref.get("uid") != uid]
            writes.append(_own(pod, refs))
    for pod in world.all(PODS, namespace_of(rs)):
        if not controller_uid(pod) and is_active(pod) and _selects(rs, pod):
            refs = [*(metadata(pod).get("ownerReferences") or ()), owner_reference(REPLICASETS, rs)]
            writes.append(_own(pod, refs))
    return writes


def _own(pod: Body, refs: list[Body]) -> Patch:
    meta = metadata(pod)
    patch = {"metadata": {"ownerReferences": refs, "resourceVersion": meta.get("resourceVersion")}}
    return Patch(rtype=PODS, key=PODS.key_of(pod), patch=patch)


def _manage(rs: Body, active: list[Body], wanted: int, now: datetime) -> list[Write]:
    missing = wanted - len(active)
    if missing > 0:
        return [_new_pod(rs, now) for _ in range(min(missing, _BURST))]
    doomed = sorted(active, key=_deletion_rank)[: len(active) - wanted]
    writes: list[Write] = []
    for pod in doomed:
        writes.append(Delete(rtype=PODS, key=PODS.key_of(pod), uid=metadata(pod)["uid"]))
        writes.append(event(rs, "Normal", _COMPONENT, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", now))
    return writes


def _deletion_rank(pod: Body) -> tuple[Any, ...]:
    """Who goes first: unscheduled, not running, not ready, cheap, restarted often, young."""
    status = pod.get("status") or {}
    annotations = metadata(pod).get("annotations") or {}
    counts = [integer(entry.get("restartCount"), 0) for entry in status.get("containerStatuses") or ()]
    cost = str(annotations.get(_DELETION_COST, "0"))
    ready_since = str((condition(pod, "Ready") or {}).get("lastTransitionTime", "")) if is_ready(pod) else ""
    return (
        bool((pod.get("spec") or {}).get("nodeName")),
        _PHASES.get(status.get("phase", "Pending"), 0),
        is_ready(pod),
        int(cost) if cost.lstrip("-").isdecimal() else 0,
        _reversed(ready_since),
        -max(counts, default=0),
        _reversed(str(metadata(pod).get("creationTimestamp", ""))),
    )


def _reversed(text: str) -> tuple[int, ...]:
    """Sorts later timestamps first."""
    return tuple(-ord(char) for char in text)


def _new_pod(rs: Body, now: datetime) -> Create:
    template = rs["spec"].get("template") or {}
    meta = template.get("metadata") or {}
    kept = {name: meta[name] for name in ("labels", "annotations", "finalizers") if meta.get(name)}
    body: Body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **kept,
            "generateName": f"{name_of(rs)}-",
            "namespace": namespace_of(rs),
            "ownerReferences": [owner_reference(REPLICASETS, rs)],
        },
        "spec": template.get("spec") or {},
    }
    return Create(
        rtype=PODS,
        body=body,
        on_created=lambda pod: [
            event(rs, "Normal", _COMPONENT, "SuccessfulCreate", f"Created pod: {name_of(pod)}", now)
        ],
        on_error=lambda error: _refused(rs, error, now),
    )


def _refused(rs: Body, error: ApiError, now: datetime) -> list[Write]:
    """A pod could not be created: say so where people look (events, conditions)."""
    text = f"Error creating: {error.message}"
    status = dict(rs.get("status") or {})
    status.setdefault("replicas", 0)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": error.message}
    before = condition(rs, "ReplicaFailure") or {}
    if {**before, "lastTransitionTime": ""} == {**failure, "lastTransitionTime": ""}:
        return [event(rs, "Warning", _COMPONENT, "FailedCreate", text, now)]
    others = [entry for entry in status.get("conditions") or () if entry.get("type") != "ReplicaFailure"]
    status["conditions"] = [*others, {**failure, "lastTransitionTime": timestamp(now)}]
    patch = {"status": {"conditions": status["conditions"], "replicas": status["replicas"]}}
    return [
        event(rs, "Warning", _COMPONENT, "FailedCreate", text, now),
        Patch(rtype=REPLICASETS, key=REPLICASETS.key_of(rs), patch=patch, subresource="status"),
    ]


def _status(rs: Body, pods: list[Body], now: datetime) -> list[Write]:
    spec, meta = rs["spec"], metadata(rs)
    counted = [pod for pod in pods if is_active(pod) and _selects(rs, pod)]
    template_labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    fully = sum(template_labels.items() <= (metadata(pod).get("labels") or {}).items() for pod in counted)
    waits = [seconds_until_available(pod, integer(spec.get("minReadySeconds"), 0), now) for pod in counted]
    soon = [wait for wait in waits if wait is not None and wait > 0]
    numbers = {
        "fullyLabeledReplicas": fully,
        "readyReplicas": sum(wait is not None for wait in waits),
        "availableReplicas": sum(wait is not None and wait <= 0 for wait in waits),
        "observedGeneration": integer(meta.get("generation"), 0),
    }
    status: Body = {"replicas": len(counted), **{name: number for name, number in numbers.items() if number}}
    failure = condition(rs, "ReplicaFailure")
    if failure is not None and len(counted) < integer(spec.get("replicas"), 1):
        status["conditions"] = [failure]
    writes: list[Write] = set_status(REPLICASETS, rs, status)
    return [*writes, Again(seconds=min(soon))] if soon else writes


CONTROLLER = Controller(name=_COMPONENT, keys=keys, reconcile=reconcile, workers=4)
