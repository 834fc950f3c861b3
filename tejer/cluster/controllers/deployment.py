"""Deployment: rolls its pods over to a new template by way of ReplicaSets.

Source: kube-controller-manager `pkg/controller/deployment`. One reconcile makes one step; what it writes comes back as
a change and causes the next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.deployment_status import Rollout, is_complete, seconds_to_deadline, status_of
from tejer.cluster.controllers.pods import has_ended, integer
from tejer.cluster.controllers.rollout import Limits, Sizes, limits, new_replicas, old_replicas, proportional
from tejer.cluster.controllers.world import World, controller_ref, controller_uid, owner_reference
from tejer.cluster.controllers.writes import Again, Create, Delete, Patch, Write, event, set_status
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, Change, Key, metadata, name_of, namespace_of
from tejer.kube.selectors import label_selector
from tejer.kube.types import DEPLOYMENTS, PODS, REPLICASETS

_COMPONENT = "deployment-controller"
HASH_LABEL = "pod-template-hash"
_PREFIX = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{_PREFIX}revision", f"{_PREFIX}revision-history"
_DESIRED, _MAXIMUM = f"{_PREFIX}desired-replicas", f"{_PREFIX}max-replicas"
_NOT_COPIED = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, _DESIRED, _MAXIMUM}
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def keys(world: World, change: Change) -> Iterable[Key]:
    """Deployments; for a ReplicaSet its owner (or who may adopt it); for a pod that is gone its ReplicaSet's owner."""
    group, resource, namespace, _ = change.key
    if (group, resource) == (DEPLOYMENTS.group, DEPLOYMENTS.plural):
        return [change.key]
    if (group, resource) == (REPLICASETS.group, REPLICASETS.plural):
        owners = [ref for body in (change.old, change.new) if body is not None and (ref := controller_ref(body))]
        if owners:
            return {DEPLOYMENTS.key(namespace, ref["name"]) for ref in owners if ref["kind"] == "Deployment"}
        adopters = world.all(DEPLOYMENTS, namespace) if change.new is not None else []
        return [DEPLOYMENTS.key_of(body) for body in adopters if _selects(body, change.new or {})]
    if (group, resource) == (PODS.group, PODS.plural) and change.new is None:  # Recreate waits for the last pod
        rs = world.get(world.by_uid(controller_uid(change.old or {})) or change.key)
        ref = controller_ref(rs or {})
        return [DEPLOYMENTS.key(namespace, ref["name"])] if ref and ref["kind"] == "Deployment" else []
    return []


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    deployment = world.get(key)
    if deployment is None or metadata(deployment).get("deletionTimestamp"):
        return []
    if adoptions := _adopt(world, deployment):
        return adoptions
    sets = world.owned(REPLICASETS, metadata(deployment)["uid"])
    sets.sort(key=lambda rs: (str(metadata(rs).get("creationTimestamp", "")), name_of(rs)))
    new = next((rs for rs in sets if _same_template(rs, deployment)), None)
    old = [rs for rs in sets if rs is not new]
    bounds = limits(integer(deployment["spec"].get("replicas"), 1), deployment["spec"].get("strategy") or {})
    rollout = Rollout(deployment, new, old, bounds)
    writes = _step(world, rollout, now)
    if not any(isinstance(write, (Create, Delete)) and write.rtype is REPLICASETS for write in writes):
        writes += set_status(DEPLOYMENTS, deployment, status_of(rollout, now))
        if (wait := seconds_to_deadline(rollout, now)) is not None:
            writes.append(Again(seconds=wait))
    return writes


def _step(world: World, rollout: Rollout, now: datetime) -> list[Write]:
    deployment, spec = rollout.deployment, rollout.deployment["spec"]
    if spec.get("paused"):
        return _resize(rollout, now)
    if rollout.new is not None and (writes := _annotate(rollout)):
        return writes
    if _was_scaled(rollout):
        return _resize(rollout, now)
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        writes = _recreate(world, rollout, now)
    else:
        writes = _roll(rollout, now)
    if not writes and is_complete(deployment, deployment.get("status") or {}):
        writes = _clean_up(rollout)
    return writes


def _recreate(world: World, rollout: Rollout, now: datetime) -> list[Write]:
    """First no old pod at all, then the new ones."""
    running = [rs for rs in rollout.old if _replicas(rs)]
    if running:
        return [write for rs in running for write in _scale(rollout, rs, 0, now)]
    if any(not has_ended(pod) for rs in rollout.old for pod in world.owned(PODS, metadata(rs)["uid"])):
        return []
    if rollout.new is None:
        return _create_set(rollout, rollout.bounds.replicas, now)
    return _scale(rollout, rollout.new, rollout.bounds.replicas, now)


def _roll(rollout: Rollout, now: datetime) -> list[Write]:
    others = [_sizes(rs) for rs in rollout.old]
    if rollout.new is None:
        nothing = Sizes(name="", replicas=0)
        return _create_set(rollout, new_replicas(nothing, others, rollout.bounds), now)
    new = _sizes(rollout.new)
    if writes := _scale(rollout, rollout.new, new_replicas(new, others, rollout.bounds), now):
        return writes
    targets = old_replicas(new, others, rollout.bounds)
    return [write for rs in rollout.old if name_of(rs) in targets
            for write in _scale(rollout, rs, targets[name_of(rs)], now)]  # fmt: skip


def _resize(rollout: Rollout, now: datetime) -> list[Write]:
    """The Deployment was scaled (or is paused): give each active ReplicaSet its share, start no rollout."""
    active = [rs for rs in rollout.all if _replicas(rs)]
    if len(active) <= 1:
        only = active[0] if active else (rollout.new or (rollout.old[-1] if rollout.old else None))
        return _scale(rollout, only, rollout.bounds.replicas, now) if only is not None else []
    new = rollout.new
    if new is not None and _replicas(new) == rollout.bounds.replicas == _sizes(new).available:
        return [write for rs in active if rs is not new for write in _scale(rollout, rs, 0, now)]
    targets = proportional([_sizes(rs) for rs in active], rollout.bounds)
    return [write for rs in active
            for write in _scale(rollout, rs, targets.get(name_of(rs), _replicas(rs)), now)]  # fmt: skip


def _was_scaled(rollout: Rollout) -> bool:
    desired = [_annotation(rs, _DESIRED) for rs in rollout.all if _replicas(rs)]
    return any(text and text != str(rollout.bounds.replicas) for text in desired)


def _scale(rollout: Rollout, rs: Body, replicas: int, now: datetime) -> list[Write]:
    """Set the size of `rs` and note the Deployment's; nothing when both are right."""
    before = _replicas(rs)
    notes = _size_notes(rollout.bounds)
    noted = metadata(rs).get("annotations") or {}
    if before == replicas and notes.items() <= noted.items():
        return []
    patch = {
        "metadata": {"annotations": notes, "resourceVersion": metadata(rs).get("resourceVersion")},
        "spec": {"replicas": replicas},
    }
    writes: list[Write] = [Patch(rtype=REPLICASETS, key=REPLICASETS.key_of(rs), patch=patch)]
    if before != replicas:
        writes.append(_scaled_event(rollout.deployment, name_of(rs), before, replicas, now))
    return writes


def _scaled_event(deployment: Body, name: str, before: int, after: int, now: datetime) -> Create:
    direction = "up" if after > before else "down"
    text = f"Scaled {direction} replica set {name} from {before} to {after}"
    return event(deployment, "Normal", _COMPONENT, "ScalingReplicaSet", text, now)


def _create_set(rollout: Rollout, replicas: int, now: datetime) -> list[Write]:
    deployment = rollout.deployment
    spec, template = deployment["spec"], deployment["spec"].get("template") or {}
    digest = _template_hash(template, integer((deployment.get("status") or {}).get("collisionCount"), 0))
    labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH_LABEL: digest}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: digest}}
    annotations = {**_copied(deployment), **_size_notes(rollout.bounds), REVISION: str(_next_revision(rollout.old))}
    name = f"{name_of(deployment)}-{digest}"
    set_spec: Body = {"replicas": replicas, "selector": selector}
    if spec.get("minReadySeconds"):
        set_spec["minReadySeconds"] = spec["minReadySeconds"]
    set_spec["template"] = {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}}
    body: Body = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": namespace_of(deployment), "labels": labels, "annotations": annotations,
            "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
        },
        "spec": set_spec,
    }  # fmt: skip
    create = Create(
        rtype=REPLICASETS,
        body=body,
        on_created=lambda made: [_scaled_event(deployment, name_of(made), 0, replicas, now)] if replicas else [],
        on_error=lambda error: _collision(deployment, error),
    )
    return [create]


def _collision(deployment: Body, error: ApiError) -> list[Write]:
    """The name is taken by another ReplicaSet: count that in, so that the next hash differs."""
    if error.reason != "AlreadyExists":
        return []
    count = integer((deployment.get("status") or {}).get("collisionCount"), 0) + 1
    patch = {"status": {"collisionCount": count}}
    return [Patch(rtype=DEPLOYMENTS, key=DEPLOYMENTS.key_of(deployment), patch=patch, subresource="status")]


def _annotate(rollout: Rollout) -> list[Write]:
    """Revision and copied annotations of the new ReplicaSet, and the Deployment's own revision."""
    deployment, new = rollout.deployment, rollout.new
    assert new is not None
    revision, current = _next_revision(rollout.old), _revision(new)
    notes = _copied(deployment)
    if current < revision:
        notes[REVISION] = str(revision)
        if current:
            history = [text for text in (_annotation(new, HISTORY), str(current)) if text]
            notes[HISTORY] = ",".join(history)
    else:
        revision = current
    writes: list[Write] = []
    if not notes.items() <= (metadata(new).get("annotations") or {}).items():
        writes.append(Patch(rtype=REPLICASETS, key=REPLICASETS.key_of(new), patch={"metadata": {"annotations": notes}}))
    if _annotation(deployment, REVISION) != str(revision):
        patch = {"metadata": {"annotations": {REVISION: str(revision)}}}
        writes.append(Patch(rtype=DEPLOYMENTS, key=DEPLOYMENTS.key_of(deployment), patch=patch))
    return writes


def _clean_up(rollout: Rollout) -> list[Write]:
    """Keep `revisionHistoryLimit` old ReplicaSets, delete the older ones."""
    limit = integer(rollout.deployment["spec"].get("revisionHistoryLimit"), 10)
    done = [
        rs for rs in rollout.old
        if not _replicas(rs) and not (rs.get("status") or {}).get("replicas")
        and not metadata(rs).get("deletionTimestamp")
    ]  # fmt: skip
    done.sort(key=_revision)
    return [
        Delete(rtype=REPLICASETS, key=REPLICASETS.key_of(rs), uid=metadata(rs)["uid"])
        for rs in done[: max(0, len(done) - limit)]
    ]


def _adopt(world: World, deployment: Body) -> list[Write]:
    """ReplicaSets that match the selector and that nobody controls become ours (after `delete --cascade=orphan`)."""
    orphans = [
        rs
        for rs in world.all(REPLICASETS, namespace_of(deployment))
        if not controller_uid(rs) and not metadata(rs).get("deletionTimestamp") and _selects(deployment, rs)
    ]
    writes: list[Write] = []
    for rs in orphans:
        refs = [*(metadata(rs).get("ownerReferences") or ()), owner_reference(DEPLOYMENTS, deployment)]
        patch = {"metadata": {"ownerReferences": refs, "resourceVersion": metadata(rs).get("resourceVersion")}}
        writes.append(Patch(rtype=REPLICASETS, key=REPLICASETS.key_of(rs), patch=patch))
    return writes


def _selects(deployment: Body, rs: Body) -> bool:
    return label_selector(deployment["spec"].get("selector")).matches(metadata(rs).get("labels"))


def _same_template(rs: Body, deployment: Body) -> bool:
    return _without_hash(rs["spec"].get("template") or {}) == _without_hash(deployment["spec"].get("template") or {})


def _without_hash(template: Body) -> Body:
    meta = {name: value for name, value in (template.get("metadata") or {}).items() if value is not None}
    meta["labels"] = {name: value for name, value in (meta.get("labels") or {}).items() if name != HASH_LABEL}
    return {**template, "metadata": meta}


def _template_hash(template: Body, collisions: int) -> str:
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + (str(collisions) if collisions else "")
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "".join(_SAFE[number // len(_SAFE) ** place % len(_SAFE)] for place in range(10))


def _copied(deployment: Body) -> dict[str, str]:
    return {name: value for name, value in (metadata(deployment).get("annotations") or {}).items()
            if name not in _NOT_COPIED}  # fmt: skip


def _size_notes(bounds: Limits) -> dict[str, str]:
    return {_DESIRED: str(bounds.replicas), _MAXIMUM: str(bounds.replicas + bounds.surge)}


def _next_revision(old: Iterable[Body]) -> int:
    return max((_revision(rs) for rs in old), default=0) + 1


def _revision(rs: Body) -> int:
    text = _annotation(rs, REVISION)
    return int(text) if text.isdecimal() else 0


def _annotation(body: Body, name: str) -> str:
    return str((metadata(body).get("annotations") or {}).get(name, ""))


def _replicas(rs: Body) -> int:
    return integer(rs["spec"].get("replicas"), 1)


def _sizes(rs: Body) -> Sizes:
    maximum = _annotation(rs, _MAXIMUM)
    status = rs.get("status") or {}
    return Sizes(
        name=name_of(rs),
        replicas=_replicas(rs),
        available=integer(status.get("availableReplicas"), 0),
        maximum=int(maximum) if maximum.isdecimal() else integer(status.get("replicas"), 0),
    )


CONTROLLER = Controller(name=_COMPONENT, keys=keys, reconcile=reconcile)
