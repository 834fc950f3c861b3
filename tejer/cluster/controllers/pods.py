"""Questions about pods that several controllers ask."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tejer.cluster.controllers.writes import parse_timestamp
from tejer.kube.resource import Body, metadata


def condition(body: Body, kind: str) -> Body | None:
    """The object's status condition of this type, if it has one."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((entry for entry in conditions if entry.get("type") == kind), None)


def is_ready(pod: Body) -> bool:
    return (condition(pod, "Ready") or {}).get("status") == "True"


def is_terminating(pod: Body) -> bool:
    return bool(metadata(pod).get("deletionTimestamp"))


def has_ended(pod: Body) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_active(pod: Body) -> bool:
    """Counts as a replica: neither ended nor on its way out."""
    return not has_ended(pod) and not is_terminating(pod)


def seconds_until_available(pod: Body, min_ready_seconds: int, now: datetime) -> float | None:
    """0 or less once the pod has been ready for long enough; None when it is not ready at all."""
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    since = parse_timestamp(str(ready.get("lastTransitionTime")))
    return (since + timedelta(seconds=min_ready_seconds) - now).total_seconds()


def integer(value: Any, default: int) -> int:
    return value if isinstance(value, int) else default
