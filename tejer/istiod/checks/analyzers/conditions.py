"""Conditions with a negative status say what did not take effect. IST0171."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import TYPES, Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.resource import Body

OURS = ("istio.io/", "gateway.networking.k8s.io/")
ACCEPTED = ("ZtunnelAccepted", "WaypointAccepted")


def analyze(item: Item, _: View) -> Iterator[Problem]:
    for condition in _conditions(item.body):
        kind, status = str(condition.get("type", "")), condition.get("status")
        partial = kind in ACCEPTED and condition.get("reason") == "PartiallyInvalid"
        if partial or (status == "False" and _is_ours(kind, item)):
            yield found(
                item, "IST0171",
                f'Negative condition "{kind}" found on resource: {condition.get("reason")}: '
                f"{condition.get('message')}",
                "status.conditions",
            )  # fmt: skip


def _is_ours(condition: str, item: Item) -> bool:
    if "/" in condition:
        return condition.startswith(OURS)
    return item.key.group.endswith("istio.io") or item.key.group == "gateway.networking.k8s.io"


def _conditions(body: Body) -> Iterator[Mapping[str, Any]]:
    status = body.get("status")
    if not isinstance(status, dict):
        return
    for holder in (status, *(status.get("parents") or ())):
        if isinstance(holder, dict):
            yield from (item for item in holder.get("conditions") or () if isinstance(item, dict))


ANALYZER = Analyzer("conditions.ConditionAnalyzer", (None, *TYPES.values()), (), analyze, raw=True)
