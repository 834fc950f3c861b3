"""Services of type LoadBalancer get this machine as their address: host ports of gateway pods answer there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Patch, Write
from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import SERVICES

_INGRESS = [{"ip": "127.0.0.1", "ipMode": "VIP"}]


def keys(world: World, change: Change) -> Iterable[Key]:
    return [change.key] if (change.key.group, change.key.resource) == (SERVICES.group, SERVICES.plural) else []


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    service = world.get(key)
    if service is None or metadata(service).get("deletionTimestamp"):
        return []
    spec = service.get("spec") or {}
    balanced = spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")
    wanted: Body = {"ingress": _INGRESS} if balanced else {}
    current = (service.get("status") or {}).get("loadBalancer") or {}
    if current == wanted or (not balanced and not current):
        return []
    patch = {"status": {"loadBalancer": wanted or None}}
    return [Patch(rtype=SERVICES, key=key, patch=patch, subresource="status")]


CONTROLLER = Controller(name="service-lb-controller", keys=keys, reconcile=reconcile)
