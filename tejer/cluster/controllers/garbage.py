"""Garbage collection by ownerReferences: background, foreground and orphan.

Source: kubernetes.io/docs/concepts/architecture/garbage-collection and kube-controller-manager
`pkg/controller/garbagecollector`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Delete, OwnerAddress, Patch, Write
from tejer.kube.resource import Body, Change, Key, metadata

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


def keys(world: World, change: Change) -> Iterable[Key]:
    """The object itself if it has owners or is going; its dependents when it went; its owners when they wait for it."""
    body = change.new or change.old or {}
    meta = metadata(body)
    found = []
    refs = meta.get("ownerReferences") or ()
    if change.new is not None and (refs or meta.get("deletionTimestamp")):
        found.append(change.key)
    if change.new is None or meta.get("deletionTimestamp"):
        found += world.dependents(str(meta.get("uid", "")))
    before = metadata(change.old or {}).get("ownerReferences") or ()
    owners = [world.by_uid(uid) for uid in dict.fromkeys(str(ref.get("uid", "")) for ref in (*refs, *before))]
    return found + [key for key in owners if key is not None and _waits(world.get(key))]


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    body, rtype = world.get(key), world.type_of(key)
    if body is None or rtype is None:
        return []
    if metadata(body).get("deletionTimestamp"):
        return _finish(world, key, body)
    refs = metadata(body).get("ownerReferences") or []
    if not refs:
        return []
    addresses = [_address(world, key, ref) for ref in refs]
    owners = [(ref, world.get(found)) for ref in refs if (found := _alive(world, key, ref)) is not None]
    unknown = [ref for ref, address in zip(refs, addresses, strict=True) if address is None]
    if not owners and not unknown:
        alive = tuple(address for address in addresses if address is not None)
        return [Delete(rtype=rtype, key=key, uid=metadata(body)["uid"], propagation="Background", unless_alive=alive)]
    if not unknown and all(_waits(owner, FOREGROUND) for _, owner in owners):
        blocking = any(_blocks(world, dependent, metadata(body)["uid"]) for dependent in _dependents(world, body))
        policy = "Foreground" if blocking else "Background"
        return [Delete(rtype=rtype, key=key, uid=metadata(body)["uid"], propagation=policy)]
    return []


def _address(world: World, key: Key, ref: Body) -> OwnerAddress | None:
    """Where the server would have the owner; None for a kind that we don't know (never a reason to delete)."""
    rtype = world.type_of_kind(str(ref.get("apiVersion", "")), str(ref.get("kind", "")))
    if rtype is None:
        return None
    return OwnerAddress(rtype, key.namespace if rtype.namespaced else "", str(ref.get("name")), str(ref.get("uid")))


def _alive(world: World, key: Key, ref: Body) -> Key | None:
    """The owner's key, if it exists where an owner may be: cluster-wide or in the same namespace."""
    owner = world.by_uid(str(ref.get("uid", "")))
    return owner if owner is not None and owner.namespace in ("", key.namespace) else None


def _dependents(world: World, body: Body) -> list[Key]:
    return world.dependents(str(metadata(body).get("uid", "")))


def _blocks(world: World, dependent: Key, uid: str) -> bool:
    refs = metadata(world.get(dependent) or {}).get("ownerReferences") or ()
    return any(ref.get("uid") == uid and ref.get("blockOwnerDeletion") for ref in refs)


def _waits(body: Body | None, finalizer: str = "") -> bool:
    """The object is being deleted and a finalizer of ours holds it."""
    meta = metadata(body or {})
    held = set(meta.get("finalizers") or ()) & ({finalizer} if finalizer else {FOREGROUND, ORPHAN})
    return bool(meta.get("deletionTimestamp") and held)


def _finish(world: World, key: Key, body: Body) -> list[Write]:
    """An object on its way out: wait for its dependents, or cut them loose, then drop our finalizer."""
    uid = str(metadata(body).get("uid", ""))
    if _waits(body, ORPHAN):
        releases = [write for dependent in _dependents(world, body) for write in _release(world, dependent, uid)]
        return releases or _drop_finalizer(world, key, body, ORPHAN)
    if _waits(body, FOREGROUND) and not any(_blocks(world, found, uid) for found in _dependents(world, body)):
        return _drop_finalizer(world, key, body, FOREGROUND)
    return []


def _release(world: World, key: Key, uid: str) -> list[Write]:
    body, rtype = world.get(key), world.type_of(key)
    if body is None or rtype is None:
        return []
    refs = [ref for ref in metadata(body).get("ownerReferences") or () if ref.get("uid") != uid]
    patch = {"metadata": {"ownerReferences": refs or None, "resourceVersion": metadata(body).get("resourceVersion")}}
    return [Patch(rtype=rtype, key=key, patch=patch)]


def _drop_finalizer(world: World, key: Key, body: Body, finalizer: str) -> list[Write]:
    rtype = world.type_of(key)
    if rtype is None:
        return []
    kept = [name for name in metadata(body).get("finalizers") or () if name != finalizer]
    patch = {"metadata": {"finalizers": kept or None, "resourceVersion": metadata(body).get("resourceVersion")}}
    return [Patch(rtype=rtype, key=key, patch=patch)]


CONTROLLER = Controller(name="generic-garbage-collector", keys=keys, reconcile=reconcile, workers=4)
