"""Bodies and a World for tests of reconcile functions."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from tejer.cluster.controllers.world import World, owner_reference
from tejer.kube.resource import Body, Change, Key
from tejer.kube.types import BUILTIN_TYPES, DEPLOYMENTS, PODS, REPLICASETS, SERVICES, ResourceType

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "2026-01-02T03:04:05Z"
_versions = itertools.count(1)


def make(rtype: ResourceType, name: str, namespace: str = "default", **fields: Any) -> Body:
    """An object as the server would hold it; `metadata` in `fields` is merged in."""
    number = str(next(_versions))
    meta = {"name": name, "uid": f"{rtype.plural}-{name}", "resourceVersion": number, "creationTimestamp": STAMP}
    if rtype.namespaced:
        meta["namespace"] = namespace
    meta |= fields.pop("metadata", {})
    return {"apiVersion": rtype.api_version, "kind": rtype.kind, "metadata": meta, **fields}


def pod(name: str, *, owner: Body | None = None, ready: bool = True, phase: str = "Running", ip: str = "10.0.0.1",
        labels: dict[str, str] | None = None, **meta: Any) -> Body:  # fmt: skip
    status: Body = {"phase": phase, "conditions": [
        {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": STAMP}]}  # fmt: skip
    if ip:
        status["podIP"] = ip
    meta |= {"labels": labels or {"app": "web"}}
    if owner is not None:
        meta["ownerReferences"] = [owner_reference(REPLICASETS, owner)]
    spec = {"nodeName": "n", "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]}
    return make(PODS, name, metadata=meta, spec=spec, status=status)


def replicaset(name: str, replicas: int, *, owner: Body | None = None, template: Body | None = None,
               ready: int | None = None, **meta: Any) -> Body:  # fmt: skip
    count = replicas if ready is None else ready
    meta.setdefault("labels", {"app": "web"})
    if owner is not None:
        meta["ownerReferences"] = [owner_reference(DEPLOYMENTS, owner)]
    spec = {
        "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": template or {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
    }  # fmt: skip
    status = {"replicas": replicas, "readyReplicas": count, "availableReplicas": count}
    return make(REPLICASETS, name, metadata=meta, spec=spec, status=status)


def deployment(name: str = "web", replicas: int = 3, *, image: str = "one", **spec: Any) -> Body:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    return make(
        DEPLOYMENTS, name, metadata={"generation": 1},
        spec={"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    )  # fmt: skip


def service(name: str = "web", **spec: Any) -> Body:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}], "clusterIP": "10.1.1.1"} | spec
    return make(SERVICES, name, spec=spec)


def world_of(*bodies: Body) -> World:
    world = World()
    world.types = {(rtype.group, rtype.plural): rtype for rtype in BUILTIN_TYPES}
    for body in bodies:
        put(world, body)
    return world


def key_of(body: Body) -> Key:
    group = body["apiVersion"].rpartition("/")[0]
    rtype = next(t for t in BUILTIN_TYPES if t.kind == body["kind"] and t.group == group)
    return rtype.key_of(body)


def put(world: World, body: Body) -> list[Change]:
    key = key_of(body)
    return world.apply([Change(key, world.get(key), body)])
