"""The status of a Deployment: counts and the conditions that `kubectl rollout status` and `kubectl wait` read.

Source: kube-controller-manager `pkg/controller/deployment/{progress,sync}.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tejer.cluster.controllers.pods import condition, integer
from tejer.cluster.controllers.rollout import Limits
from tejer.cluster.controllers.writes import parse_timestamp, timestamp
from tejer.kube.resource import Body, metadata, name_of

AVAILABLE, PROGRESSING, FAILURE = "Available", "Progressing", "ReplicaFailure"
_COMPLETE, _TIMED_OUT = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
_NO_DEADLINE = 2**31 - 1
_MOVING = ("NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated", "DeploymentResumed")


@dataclass(frozen=True, slots=True)
class Rollout:
    """A Deployment with its ReplicaSets; `news` is a reason that this reconcile has to tell (a new ReplicaSet)."""

    deployment: Body
    new: Body | None
    old: Sequence[Body]
    bounds: Limits
    news: str = ""

    @property
    def all(self) -> list[Body]:
        return [*self.old, *([self.new] if self.new is not None else [])]


def status_of(rollout: Rollout, now: datetime) -> Body:
    """The status as it should be. Conditions keep their times where nothing changed."""
    deployment = rollout.deployment
    before = deployment.get("status") or {}
    available = _sum(rollout.all, "availableReplicas")
    wanted = sum(integer(rs["spec"].get("replicas"), 1) for rs in rollout.all)
    numbers = {
        "replicas": _sum(rollout.all, "replicas"),
        "updatedReplicas": _sum([rollout.new] if rollout.new is not None else [], "replicas"),
        "readyReplicas": _sum(rollout.all, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    status: Body = {"observedGeneration": integer(metadata(deployment).get("generation"), 0)}
    status |= {name: number for name, number in numbers.items() if number}
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    conditions = [_available(rollout, available, now), _progressing(rollout, status, now), _failure(rollout, now)]
    status["conditions"] = [entry for entry in conditions if entry is not None]
    return status


def seconds_to_deadline(rollout: Rollout, now: datetime) -> float | None:
    """When to look again because the rollout may have timed out by then."""
    deadline = _deadline(rollout.deployment)
    current = condition(rollout.deployment, PROGRESSING)
    if deadline is None or current is None or current.get("reason") not in _MOVING:
        return None
    since = parse_timestamp(str(current.get("lastUpdateTime")))
    return max(1.0, deadline - (now - since).total_seconds() + 1)


def is_complete(deployment: Body, status: Body) -> bool:
    wanted = integer(deployment["spec"].get("replicas"), 1)
    counts = [integer(status.get(name), 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return counts == [wanted] * 3


def _sum(sets: Sequence[Body], field: str) -> int:
    return sum(integer((rs.get("status") or {}).get(field), 0) for rs in sets)


def _deadline(deployment: Body) -> int | None:
    seconds = integer(deployment["spec"].get("progressDeadlineSeconds"), 600)
    return None if seconds >= _NO_DEADLINE else seconds


def _condition(rollout: Rollout, kind: str, status: str, reason: str, message: str, now: datetime, *,
               touch: bool = False) -> Body:  # fmt: skip
    """The condition, with its old times where it says what it said before (`touch`: something moved all the same)."""
    before = condition(rollout.deployment, kind)
    stamp = timestamp(now)
    same = before is not None and (before["status"], before["reason"]) == (status, reason) and not touch
    if before is not None and same and before.get("message") == message:
        return before
    moved = before["lastTransitionTime"] if before is not None and before["status"] == status else stamp
    return {
        "type": kind, "status": status, "lastUpdateTime": stamp, "lastTransitionTime": moved,
        "reason": reason, "message": message,
    }  # fmt: skip


def _available(rollout: Rollout, available: int, now: datetime) -> Body:
    if available >= rollout.bounds.replicas - rollout.bounds.unavailable:
        message = "Deployment has minimum availability."
        return _condition(rollout, AVAILABLE, "True", "MinimumReplicasAvailable", message, now)
    message = "Deployment does not have minimum availability."
    return _condition(rollout, AVAILABLE, "False", "MinimumReplicasUnavailable", message, now)


def _progressing(rollout: Rollout, status: Body, now: datetime) -> Body | None:
    deployment, before = rollout.deployment, condition(rollout.deployment, PROGRESSING)
    if _deadline(deployment) is None:
        return None
    if deployment["spec"].get("paused"):
        return _condition(rollout, PROGRESSING, "Unknown", "DeploymentPaused", "Deployment is paused", now)
    name = name_of(rollout.new) if rollout.new is not None else ""
    said = f'ReplicaSet "{name}"' if name else f'Deployment "{name_of(deployment)}"'
    if is_complete(deployment, status):
        message = f"{said} has successfully progressed."
        return _condition(rollout, PROGRESSING, "True", _COMPLETE, message, now)
    if rollout.news:
        verb = "Created" if rollout.news == "NewReplicaSetCreated" else "Found"
        message = f'{verb} new replica set "{name}"'
        return _condition(rollout, PROGRESSING, "True", rollout.news, message, now)
    if before is not None and before.get("reason") == "DeploymentPaused":
        return _condition(rollout, PROGRESSING, "Unknown", "DeploymentResumed", "Deployment is resumed", now)
    if _moved(deployment.get("status") or {}, status) or before is None:
        message = f"{said} is progressing."
        return _condition(rollout, PROGRESSING, "True", "ReplicaSetUpdated", message, now, touch=True)
    if _timed_out(deployment, before, now):
        return _condition(rollout, PROGRESSING, "False", _TIMED_OUT, f"{said} has timed out progressing.", now)
    return before


def _moved(before: Body, after: Body) -> bool:
    def number(status: Body, name: str) -> int:
        return integer(status.get(name), 0)

    outdated_before = number(before, "replicas") - number(before, "updatedReplicas")
    outdated_after = number(after, "replicas") - number(after, "updatedReplicas")
    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return outdated_after < outdated_before or any(number(after, name) > number(before, name) for name in grown)


def _timed_out(deployment: Body, current: Body, now: datetime) -> bool:
    if current["reason"] in (_COMPLETE, _TIMED_OUT):
        return bool(current["reason"] == _TIMED_OUT)
    since = parse_timestamp(str(current.get("lastUpdateTime")))
    return (now - since).total_seconds() > (_deadline(deployment) or _NO_DEADLINE)


def _failure(rollout: Rollout, now: datetime) -> Body | None:
    failures = [found for rs in reversed(rollout.all) if (found := condition(rs, FAILURE)) is not None]
    if not failures:
        return None
    return _condition(rollout, FAILURE, "True", str(failures[0]["reason"]), str(failures[0]["message"]), now)
