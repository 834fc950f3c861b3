"""How many replicas each ReplicaSet of a Deployment should have: the arithmetic of rolling updates.

Pure numbers in, numbers out. Source: kube-controller-manager `pkg/controller/deployment/{rolling,sync}.go` and
`util/deployment_util.go`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """One ReplicaSet: `replicas` wanted by its spec, `available` of its status, `maximum` when it was last sized."""

    name: str
    replicas: int
    available: int = 0
    maximum: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`replicas` of the Deployment, and how far above and below a rolling update may go."""

    replicas: int
    surge: int
    unavailable: int


def limits(replicas: int, strategy: Mapping[str, Any]) -> Limits:
    """The limits of a Deployment's `strategy`; percentages of surge round up, of unavailability down."""
    if strategy.get("type") == "Recreate":
        return Limits(replicas=replicas, surge=0, unavailable=replicas)
    rolling = strategy.get("rollingUpdate") or {}
    surge = _absolute(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    unavailable = _absolute(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    if not surge and not unavailable:
        unavailable = 1
    return Limits(replicas=replicas, surge=surge, unavailable=min(unavailable, replicas))


def _absolute(value: int | str, replicas: int, rounding: Any) -> int:
    if isinstance(value, int):
        return value
    return int(rounding(int(value.rstrip("%")) * replicas / 100))


def new_replicas(new: Sizes, others: Sequence[Sizes], bounds: Limits) -> int:
    """The next size of the newest ReplicaSet in a rolling update."""
    if new.replicas >= bounds.replicas:
        return bounds.replicas
    room = bounds.replicas + bounds.surge - new.replicas - sum(old.replicas for old in others)
    return new.replicas + max(0, min(room, bounds.replicas - new.replicas))


def old_replicas(new: Sizes, others: Sequence[Sizes], bounds: Limits) -> dict[str, int]:
    """New sizes of the old ReplicaSets (oldest first) in a rolling update; only those that change."""
    total = new.replicas + sum(old.replicas for old in others)
    minimum = bounds.replicas - bounds.unavailable
    removable = total - minimum - (new.replicas - new.available)
    if removable <= 0:
        return {}
    sizes = {old.name: old.replicas for old in others}
    for old in others:  # replicas that do not work are the first to go
        drop = max(0, min(removable, old.replicas - old.available))
        sizes[old.name] -= drop
        removable -= drop
    spare = new.available + sum(min(old.available, sizes[old.name]) for old in others) - minimum
    for old in others:
        drop = max(0, min(spare, sizes[old.name]))
        sizes[old.name] -= drop
        spare -= drop
    return {old.name: sizes[old.name] for old in others if sizes[old.name] != old.replicas}


def proportional(sets: Sequence[Sizes], bounds: Limits) -> dict[str, int]:
    """Sizes when a Deployment is scaled while several ReplicaSets are active: each keeps its share."""
    allowed = bounds.replicas + bounds.surge if bounds.replicas > 0 else 0
    to_add = allowed - sum(one.replicas for one in sets)
    ordered = sorted(sets, key=lambda one: -one.replicas)
    added = 0
    sizes: dict[str, int] = {}
    for one in ordered:
        share = _share(one, bounds, to_add, added) if to_add else 0
        sizes[one.name] = one.replicas + share
        added += share
    if ordered and to_add:
        first = ordered[0].name
        sizes[first] = max(0, sizes[first] + to_add - added)
    return {one.name: sizes[one.name] for one in sets if sizes[one.name] != one.replicas}


def _share(one: Sizes, bounds: Limits, to_add: int, added: int) -> int:
    if not one.replicas or to_add == added:
        return 0
    if bounds.replicas == 0:
        fraction = -one.replicas
    else:
        fraction = round(one.replicas * (bounds.replicas + bounds.surge) / (one.maximum or 1)) - one.replicas
    left = to_add - added
    return min(fraction, left) if to_add > 0 else max(fraction, left)
