"""Deletion: preconditions, finalizers, propagation and a pod's grace period.

Source: Kubernetes' `apiserver/pkg/registry/generic/registry/store.go` and `registry/rest/delete.go`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.admit import Admission, is_type
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.apiserver.crds import CLEANUP, instances
from tejer.cluster.apiserver.writes import is_finished
from tejer.cluster.store.log import Item
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata, name_of
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_POLICY_FINALIZER = {"Foreground": FOREGROUND, "Orphan": ORPHAN, "Background": "", "": ""}
_KEPT_NAMESPACES = ("default", "kube-system", "kube-public")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """`metav1.DeleteOptions`, read by `parse_delete_options`."""

    grace_period_seconds: int | None = None
    propagation_policy: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


class Deleted(NamedTuple):
    """`gone` is False while finalizers or a grace period keep the object."""

    body: Body
    gone: bool


def parse_delete_options(body: Body) -> DeleteOptions:
    """Raises ApiError 400 or 422 for values that DeleteOptions does not take."""
    grace, policy = body.get("gracePeriodSeconds"), str(body.get("propagationPolicy") or "")
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise errors.bad_request("gracePeriodSeconds must be an integer number of seconds")
    if policy not in _POLICY_FINALIZER:
        raise errors.bad_request(f"propagationPolicy {policy!r} is none of Foreground, Background, Orphan")
    if not policy and body.get("orphanDependents"):
        policy = "Orphan"
    pre = body.get("preconditions") or {}
    return DeleteOptions(
        grace_period_seconds=grace, propagation_policy=policy, uid=str(pre.get("uid") or ""),
        resource_version=str(pre.get("resourceVersion") or ""), dry_run="All" in (body.get("dryRun") or []),
    )  # fmt: skip


class Deleter:
    def __init__(self, core: Core, admission: Admission) -> None:
        self.core, self.admission = core, admission

    async def delete(self, request: Request, options: DeleteOptions) -> Deleted:
        """Delete, or mark as being deleted; a lost race is tried again (unless the client pinned a revision)."""
        request = replace(request, dry_run=request.dry_run or options.dry_run)
        for attempt in range(_ATTEMPTS):
            item = self.core.existing(request)
            self._check(request, item, options)
            await self.admission.deletion(request, item.body)
            try:
                return await self._delete_once(request, item, options)
            except ApiError as error:
                if error.reason != "Conflict" or options.resource_version or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _delete_once(self, request: Request, item: Item, options: DeleteOptions) -> Deleted:
        marked = self._marked(request, request.defn.convert(item.body), options)
        if is_type(request, CUSTOMRESOURCEDEFINITIONS) and not request.dry_run:
            return await self._delete_crd(request, item, marked)
        if is_finished(marked):
            return Deleted(await self.core.commit(request, request.name, item, None), True)
        if metadata(marked) == metadata(item.body):
            return Deleted(marked, False)
        return Deleted(await self.core.commit(request, request.name, item, marked), False)

    async def _delete_crd(self, request: Request, item: Item, marked: Body) -> Deleted:
        """A CRD takes its objects along; it waits, with a finalizer, for those that have finalizers themselves."""
        keys = instances(self.core, item.body)
        if not keys and is_finished(marked):
            return Deleted(await self.core.commit(request, request.name, item, None), True)
        meta = metadata(marked)
        meta["finalizers"] = [*(name for name in meta.get("finalizers") or [] if name != CLEANUP), CLEANUP]
        body = await self.core.commit(request, request.name, item, marked)
        defn = self.core.registry.storage(keys[0].group, keys[0].resource) if keys else None
        for key in keys if defn else ():
            assert defn is not None
            one = replace(request, defn=defn, namespace=key.namespace, name=key.name)
            try:
                await self.delete(one, DeleteOptions())
            except ApiError as error:
                if error.code != 404:
                    raise
        return Deleted(body, self.core.find(request) is None)

    def _check(self, request: Request, item: Item, options: DeleteOptions) -> None:
        uid = str(metadata(item.body).get("uid", ""))
        if options.uid and options.uid != uid:
            why = f"Precondition failed: UID in precondition: {options.uid}, UID in object meta: {uid}"
            raise errors.conflict(request.defn, request.name, why)
        if options.resource_version and options.resource_version != str(item.revision):
            why = (
                f"Precondition failed: resourceVersion in precondition: {options.resource_version}, "
                f"resourceVersion in object meta: {item.revision}"
            )
            raise errors.conflict(request.defn, request.name, why)
        if request.defn.kind == "Namespace" and not request.defn.group and request.name in _KEPT_NAMESPACES:
            raise errors.forbidden(request.defn, request.name, "this namespace may not be deleted")

    def _marked(self, request: Request, body: Body, options: DeleteOptions) -> Body:
        """`body` with deletionTimestamp, grace period and the finalizer of the propagation policy."""
        meta: Body = dict(metadata(body))
        wanted = _POLICY_FINALIZER[options.propagation_policy]
        if options.propagation_policy and "deletionTimestamp" not in meta:
            kept = [name for name in meta.get("finalizers") or [] if name not in (FOREGROUND, ORPHAN)]
            kept = [*kept, wanted] if wanted else kept
            meta = {key: value for key, value in meta.items() if key != "finalizers"}
            meta.update({"finalizers": kept} if kept else {})
        grace = _grace(body, options)
        if "deletionTimestamp" not in meta or grace < meta.get("deletionGracePeriodSeconds", 0):
            until = self.core.now() + timedelta(seconds=grace)
            meta["deletionTimestamp"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
            meta["deletionGracePeriodSeconds"] = grace
            if "generation" in meta:
                meta["generation"] += 1
        marked = {**body, "metadata": meta}
        if request.defn.kind == "Namespace" and not request.defn.group:
            marked["status"] = {**(body.get("status") or {}), "phase": "Terminating"}
        return marked

    async def delete_collection(self, request: Request, items: list[Item], options: DeleteOptions) -> list[Body]:
        """Delete each; what another client deleted meanwhile is skipped."""
        deleted = []
        for item in items:
            one = replace(request, namespace=item.key.namespace, name=item.key.name)
            try:
                deleted.append((await self.delete(one, options)).body)
            except ApiError as error:
                if error.code != 404:
                    raise
        return deleted


def _grace(body: Body, options: DeleteOptions) -> int:
    """Seconds a pod gets to end; 0 for what no node runs and for every other kind."""
    if body.get("kind") != "Pod" or body.get("apiVersion") != "v1":
        return 0
    spec, status = body.get("spec") or {}, body.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = options.grace_period_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", 30)
    grace = max(int(grace), 0) if grace is not None else 30
    previous = metadata(body).get("deletionGracePeriodSeconds")
    return grace if previous is None else min(grace, int(previous))


def success(request: Request, body: Body) -> Body:
    """The Status that answers a deletion which is complete."""
    details: Body = {"name": name_of(body), "kind": request.defn.rtype.plural, "uid": metadata(body).get("uid", "")}
    if request.defn.group:
        details["group"] = request.defn.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
