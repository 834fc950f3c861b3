"""The storage of a cluster of one machine: each PersistentVolumeClaim gets a directory under `<home>/volumes`.

A claim is bound as soon as it is there; its directory goes when the claim is deleted (reclaim policy Delete). Sizes are
recorded, not enforced.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata
from tejer.kube.types import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES

if TYPE_CHECKING:
    from tejer.cluster.runtime.node import Node

log = logging.getLogger(__name__)

PROVISIONER = "tejer.io/local"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_RETRY_SECONDS = 2.0


def volume_for(claim: Body, path: Path) -> Body:
    """The PersistentVolume that `claim` is to be bound to. Pure."""
    meta, spec = metadata(claim), claim.get("spec") or {}
    return {
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": volume_name(claim), "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": ((spec.get("resources") or {}).get("requests") or {}).get("storage", "1Gi")},
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec.get("storageClassName") or "",
            "volumeMode": "Filesystem",
            "hostPath": {"path": str(path), "type": "DirectoryOrCreate"},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta.get("name"),
                         "namespace": meta.get("namespace"), "uid": meta.get("uid")},
        },
    }  # fmt: skip


def volume_name(claim: Body) -> str:
    return f"pvc-{metadata(claim).get('uid', '')}"


def may_hold(volume: Body, claim: Body) -> bool:
    """Whether `volume` is free, or kept for this very claim: no claim may name another's volume and read it. Pure."""
    kept = (volume.get("spec") or {}).get("claimRef")
    if not kept:
        return True
    meta = metadata(claim)
    same = (kept.get("namespace"), kept.get("name")) == (meta.get("namespace"), meta.get("name"))
    return same and kept.get("uid") in (None, "", meta.get("uid"))


class ClaimBinder:
    """Binds new claims, and removes volumes whose claim is gone."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._changed = asyncio.Event()

    def touch(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        await self._node.claims.synced.wait()
        await self._node.volumes.synced.wait()
        while True:
            self._changed.clear()
            try:
                for claim in list(self._node.claims.store.values()):
                    await self._bind(claim)
                for volume in list(self._node.volumes.store.values()):
                    await self._reclaim(volume)
            except (ApiError, OSError) as error:
                log.warning("binding volumes: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await self._changed.wait()

    async def _bind(self, claim: Body) -> None:
        if (claim.get("status") or {}).get("phase") == "Bound" or metadata(claim).get("deletionTimestamp"):
            return
        spec, meta, api = claim.get("spec") or {}, metadata(claim), self._node.api
        name = str(spec.get("volumeName") or "")
        if not name:
            name = volume_name(claim)
            path = self._node.config.volumes_dir / name
            await self._node.in_files(lambda: _make(path))
            await self._create(volume_for(claim, path))
            await api.patch(PERSISTENTVOLUMECLAIMS, meta["name"], meta["namespace"], {"spec": {"volumeName": name}})
            self._node.events.normal(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {name}",
                                     component=PROVISIONER)  # fmt: skip
        elif (volume := self._node.volumes.store.get(PERSISTENTVOLUMES.key("", name))) is None:
            return
        elif not may_hold(volume, claim):
            log.warning("claim %s/%s names volume %s, which is another claim's", meta["namespace"], meta["name"], name)
            return
        elif not ((volume.get("spec") or {}).get("claimRef") or {}).get("uid"):
            kept = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta["name"],
                    "namespace": meta["namespace"], "uid": meta["uid"]}  # fmt: skip
            await api.patch(PERSISTENTVOLUMES, name, "", {"spec": {"claimRef": kept}})
        capacity = {"storage": ((spec.get("resources") or {}).get("requests") or {}).get("storage", "1Gi")}
        status = {"phase": "Bound", "accessModes": spec.get("accessModes") or ["ReadWriteOnce"], "capacity": capacity}
        await api.patch(PERSISTENTVOLUMES, name, "", {"status": {"phase": "Bound"}}, subresource="status")
        await api.patch(
            PERSISTENTVOLUMECLAIMS, meta["name"], meta["namespace"], {"status": status}, subresource="status"
        )

    async def _create(self, volume: Body) -> None:
        try:
            await self._node.api.create(PERSISTENTVOLUMES, volume)
        except ApiError as error:
            if error.code != 409:
                raise

    async def _reclaim(self, volume: Body) -> None:
        spec, meta = volume.get("spec") or {}, metadata(volume)
        if (meta.get("annotations") or {}).get(_PROVISIONED_BY) != PROVISIONER:
            return
        claimed = spec.get("claimRef") or {}
        key = PERSISTENTVOLUMECLAIMS.key(claimed.get("namespace", ""), claimed.get("name", ""))
        claim = self._node.claims.store.get(key)
        if claim is not None and metadata(claim).get("uid") == claimed.get("uid"):
            return
        try:  # the informer may be behind: the API has the last word before data go
            live = await self._node.api.get(PERSISTENTVOLUMECLAIMS, key.name, key.namespace)
        except ApiError as error:
            if error.code != 404:
                raise
        else:
            if metadata(live).get("uid") == claimed.get("uid"):
                return
        path = self._node.config.volumes_dir / str(meta["name"])
        await self._node.in_files(lambda: shutil.rmtree(path, ignore_errors=True))
        try:
            await self._node.api.delete(PERSISTENTVOLUMES, str(meta["name"]))
        except ApiError as error:
            if error.code != 404:
                raise


def _make(path: Path) -> None:
    """Open to every uid: which one the pod runs as isn't known here, and the directory above is closed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    path.mkdir(exist_ok=True)
    path.chmod(0o777)
