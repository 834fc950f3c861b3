"""CustomResourceDefinitions: the status the API server itself maintains.

Source: apiextensions-apiserver `pkg/controller/{status,establish}`, release 1.33.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.apiserver.machinery.objectmeta import timestamp
from tejer.kube.resource import Body, name_of


def crd_status(crd: Body, others: Iterable[Body], now: datetime) -> Body:
    """`crd` with status filled in: acceptedNames, storedVersions, conditions NamesAccepted and Established.

    `others` are the CRDs that exist besides it; names they hold first make NamesAccepted False.
    """
    spec, status = crd.get("spec") or {}, dict(crd.get("status") or {})
    names = spec.get("names") or {}
    problem = _name_conflict(spec, [other for other in others if name_of(other) != name_of(crd)])
    conditions = {condition.get("type"): condition for condition in status.get("conditions") or ()}
    if problem:
        accepted = _condition("NamesAccepted", "False", *problem, now)
    else:
        accepted = _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now)
    was_established = (conditions.get("Established") or {}).get("status") == "True"
    if problem and not was_established:
        text = "not all names are accepted"
        established = _condition("Established", "False", "NotAccepted", text, now)
    else:
        text = "the initial names have been accepted"
        established = _condition("Established", "True", "InitialNamesAccepted", text, now)
    for new in (accepted, established):
        old = conditions.get(new["type"])
        same = old is not None and all(old.get(key) == new[key] for key in ("status", "reason", "message"))
        conditions[new["type"]] = old if same and old is not None else new
    stored = [entry["name"] for entry in spec.get("versions") or () if entry.get("storage")]
    before = status.get("storedVersions") or []
    status["conditions"] = list(conditions.values())
    status["acceptedNames"] = status.get("acceptedNames") or {} if problem else dict(names)
    status["storedVersions"] = before + [name for name in stored if name not in before]
    return {**crd, "status": status}


def _condition(kind: str, status: str, reason: str, message: str, now: datetime) -> Body:
    return {
        "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": timestamp(now)
    }  # fmt: skip


def _name_conflict(spec: Body, others: list[Body]) -> tuple[str, str] | None:
    """(reason, message) of the first name that an accepted CRD of the same group holds."""
    names = spec.get("names") or {}
    taken: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        if (other.get("spec") or {}).get("group") != spec.get("group"):
            continue
        held = (other.get("status") or {}).get("acceptedNames") or {}
        taken |= {held.get("plural", ""), held.get("singular", ""), *(held.get("shortNames") or ())}
        kinds |= {held.get("kind", ""), held.get("listKind", "")}
    wanted = [
        ("PluralConflict", names.get("plural")),
        ("SingularConflict", names.get("singular")),
        *(("ShortNamesConflict", name) for name in names.get("shortNames") or ()),
    ]
    for reason, name in wanted:
        if name and name in taken:
            return reason, f'"{name}" is already in use'
    for reason, name in (("KindConflict", names.get("kind")), ("ListKindConflict", names.get("listKind"))):
        if name and name in kinds:
            return reason, f'"{name}" is already in use'
    return None


def is_established(crd: Body) -> bool:
    """Whether its resources are served."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)
