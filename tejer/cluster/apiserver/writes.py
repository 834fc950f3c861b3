"""The one write path: every create, update, patch and apply of the cluster, from kubectl or from a controller.

prepare → managed fields → the server's own mutations → mutating webhooks → allocation → validation → the server's own
checks → validating webhooks → store.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.admit import Admission
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.apiserver.machinery.patch import apply_patch
from tejer.cluster.apiserver.machinery.prepare import changed, prepare_create, prepare_update
from tejer.cluster.apiserver.machinery.ssa import server_side_apply, track_update
from tejer.cluster.store.log import Item
from tejer.kube.api import APPLY_PATCH, ApiError
from tejer.kube.resource import Body, metadata, name_of

PATCH_ATTEMPTS = 5


class Written(NamedTuple):
    """`created` tells 201 from 200."""

    body: Body
    created: bool


class WritePath:
    """Creates, replaces and patches objects. Deletion is `Deleter`'s, which ends in the same store."""

    def __init__(self, core: Core, admission: Admission) -> None:
        self.core, self.admission = core, admission

    async def create(self, request: Request, body: Body) -> Body:
        prepared = prepare_create(
            request.defn, body, namespace=request.namespace, now=self.core.now(), name=request.name,
            field_validation=request.field_validation, duplicates=request.duplicates,
        )  # fmt: skip
        request.warnings.extend(prepared.warnings)
        tracked = track_update(request.defn, None, prepared.body, manager=request.manager, now=self.core.now())
        return await self._insert(request, tracked)

    async def _insert(self, request: Request, body: Body) -> Body:
        name = name_of(body)
        if self.core.store.get(request.key(name)) is not None:
            raise errors.already_exists(request.defn, name)
        async with self.admission.admitted(request, None, body) as admitted:
            return await self.core.commit(request, name_of(admitted), None, admitted)

    async def update(self, request: Request, body: Body) -> Body:
        old = self.core.existing(request)
        wanted = metadata(body).get("resourceVersion")
        if wanted and wanted != str(old.revision):
            raise errors.conflict(request.defn, request.name)
        return await self.replace(request, old, body)

    async def replace(self, request: Request, old: Item, body: Body, *, track: bool = True, patch: Any = None) -> Body:
        """Put `body` over `old`. With `track=False` the body already carries its managedFields (apply).

        `patch` is what made the body, for error messages.
        """
        before = request.defn.convert(old.body)
        subresource = request.subresource if request.subresource == "status" else ""
        prepared = prepare_update(
            request.defn, before, body, subresource=subresource, now=self.core.now(),
            field_validation=request.field_validation, duplicates=request.duplicates, patch=patch,
        )  # fmt: skip
        request.warnings.extend(prepared.warnings)
        new = prepared.body
        if track:
            new = track_update(
                request.defn, before, new, manager=request.manager, subresource=request.subresource, now=self.core.now()
            )
        async with self.admission.admitted(request, before, new) as admitted:
            if not changed(before, admitted):
                return before
            return await self.core.commit(request, request.name, old, None if is_finished(admitted) else admitted)

    async def patch(self, request: Request, patch: Any, content_type: str) -> Written:
        """Apply a patch of any type; without a resourceVersion in it, a lost race is tried again."""
        for attempt in range(PATCH_ATTEMPTS):
            try:
                return await self._patch_once(request, patch, content_type)
            except ApiError as error:
                if error.reason != "Conflict" or attempt == PATCH_ATTEMPTS - 1 or not _may_retry(error, patch):
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _patch_once(self, request: Request, patch: Any, content_type: str) -> Written:
        if content_type == APPLY_PATCH:
            return await self._apply(request, patch)
        old = self.core.existing(request)
        body = apply_patch(request.defn, request.defn.convert(old.body), patch, content_type)
        wanted = metadata(body).get("resourceVersion")
        if wanted and wanted != str(old.revision):
            raise errors.conflict(request.defn, request.name)
        return Written(await self.replace(request, old, body, patch=patch), False)

    async def _apply(self, request: Request, applied: Any) -> Written:
        if not isinstance(applied, dict):
            raise errors.bad_request("the applied configuration must be an object")
        old = self.core.find(request)
        if old is None and request.subresource:
            raise errors.not_found(request.defn, request.name)
        before = request.defn.convert(old.body) if old else None
        wanted = metadata(applied).get("resourceVersion")
        if wanted and (old is None or wanted != str(old.revision)):
            raise errors.conflict(request.defn, request.name)
        merged = server_side_apply(
            request.defn, before, applied, manager=request.manager, force=request.force,
            subresource=request.subresource, now=self.core.now(),
        )  # fmt: skip
        if old is not None:
            return Written(await self.replace(request, old, merged, track=False), False)
        self.admission.require_create(request)  # the door saw a patch
        prepared = prepare_create(
            request.defn, merged, namespace=request.namespace, now=self.core.now(), name=request.name,
            field_validation=request.field_validation, duplicates=request.duplicates,
        )  # fmt: skip
        request.warnings.extend(prepared.warnings)
        return Written(await self._insert(request, prepared.body), True)


def _may_retry(error: ApiError, patch: Any) -> bool:
    """Another writer got in between; not where the client itself asked for a revision, or for its fields (apply)."""
    pinned = isinstance(patch, dict) and "resourceVersion" in metadata(patch)
    return not pinned and "causes" not in error.details


def is_finished(body: Body) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    meta = metadata(body)
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    if body.get("kind") == "Pod" and body.get("apiVersion") == "v1":
        return not meta.get("deletionGracePeriodSeconds")
    if body.get("kind") == "Namespace" and body.get("apiVersion") == "v1":
        return not (body.get("spec") or {}).get("finalizers")
    return True
