"""Pods that outlive their use: ended ones beyond a number, and those of a node that is gone.

Source: kube-controller-manager `pkg/controller/podgc`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.pods import has_ended, is_terminating
from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Again, Delete, Write
from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import NODES, PODS

MAX_ENDED_PODS = 200
_EVERY = 60.0
_SWEEP = PODS.key("", "")
"""The one key of this controller: a sweep over everything."""


def keys(world: World, change: Change) -> Iterable[Key]:
    """Nodes start a sweep; after that it comes back by itself."""
    return [_SWEEP] if (change.key.group, change.key.resource) == (NODES.group, NODES.plural) else []


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    pods = world.all(PODS)
    nodes = {metadata(node)["name"] for node in world.all(NODES)}
    writes: list[Write] = []
    if nodes:
        writes += [_delete(pod) for pod in pods if not is_terminating(pod) and _lost(pod, nodes)]
    ended = sorted((pod for pod in pods if has_ended(pod)), key=_age)
    writes += [_delete(pod) for pod in ended[: max(0, len(ended) - MAX_ENDED_PODS)]]
    return [*writes, Again(seconds=_EVERY)]


def _lost(pod: Body, nodes: set[str]) -> bool:
    node = (pod.get("spec") or {}).get("nodeName")
    return bool(node) and node not in nodes


def _age(pod: Body) -> str:
    return str(metadata(pod).get("creationTimestamp", ""))


def _delete(pod: Body) -> Delete:
    return Delete(rtype=PODS, key=PODS.key_of(pod), uid=metadata(pod)["uid"])


CONTROLLER = Controller(name="pod-garbage-collector", keys=keys, reconcile=reconcile)
