"""Namespaces: empty a terminating one, then let it go.

Source: kube-controller-manager `pkg/controller/namespace`. A namespace stays Terminating for a moment even when it is
empty at once: `kubectl delete -f` of a namespace and its objects fails when the objects are gone before it asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Again, Delete, Update, Write, parse_timestamp
from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import NAMESPACES, PODS, ResourceType

LINGER_SECONDS = 1.5
_FINALIZER = "kubernetes"


def keys(world: World, change: Change) -> Iterable[Key]:
    """Namespaces, and the terminating one from which an object goes or into which one still comes."""
    if change.key.resource == NAMESPACES.plural and not change.key.group:
        return [change.key]
    namespace = NAMESPACES.key("", change.key.namespace)
    return [namespace] if change.key.namespace and _terminating(world.get(namespace)) else []


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    namespace = world.get(key)
    if namespace is None or not _terminating(namespace):
        return []
    finalizers = (namespace.get("spec") or {}).get("finalizers") or []
    if _FINALIZER not in finalizers:
        return []
    left = world.in_namespace(key.name)
    if left:
        return _empty(left)
    since = parse_timestamp(metadata(namespace)["deletionTimestamp"])
    wait = LINGER_SECONDS - (now - since).total_seconds()
    if wait > 0:
        return [Again(seconds=wait)]
    remaining = [name for name in finalizers if name != _FINALIZER]
    body = {**namespace, "spec": {**namespace["spec"], "finalizers": remaining}}
    return [Update(rtype=NAMESPACES, body=body, subresource="finalize")]


def _terminating(namespace: Body | None) -> bool:
    return namespace is not None and bool(metadata(namespace).get("deletionTimestamp"))


def _empty(left: list[tuple[ResourceType, Body]]) -> list[Write]:
    """Delete everything, pods last: what makes pods must not make new ones for those that go."""
    left = sorted(left, key=lambda found: found[0] is PODS)
    return [
        Delete(rtype=rtype, key=rtype.key_of(body), uid=metadata(body)["uid"], propagation="Background")
        for rtype, body in left
        if not metadata(body).get("deletionTimestamp")
    ]


CONTROLLER = Controller(name="namespace-controller", keys=keys, reconcile=reconcile)
