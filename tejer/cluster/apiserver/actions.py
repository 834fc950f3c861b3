"""Subresources that are posted to an object: token, eviction, binding; and a namespace's finalize."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth.authenticate import DEFAULT_SECONDS, MAX_SECONDS, MIN_SECONDS
from tejer.cluster.apiserver.core import Request
from tejer.cluster.apiserver.deletion import parse_delete_options
from tejer.cluster.apiserver.writes import is_finished
from tejer.kube.resource import Body, metadata
from tejer.kube.types import PODS

if TYPE_CHECKING:
    from tejer.cluster.apiserver.verbs import Verbs


async def create_token(verbs: Verbs, request: Request, body: Body) -> Body:
    """TokenRequest: a token of the account, bound to a pod where `spec.boundObjectRef` names one."""
    account = verbs.core.existing(request).body
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds") or DEFAULT_SECONDS
    if not isinstance(seconds, int) or not MIN_SECONDS <= seconds <= MAX_SECONDS:
        message = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes or more than a year"
        raise errors.invalid(request.defn, request.name, "spec.expirationSeconds", message)
    audiences = [str(audience) for audience in spec.get("audiences") or ()]
    pod = _bound_pod(verbs, request, spec.get("boundObjectRef") or {})
    token, expires = verbs.authenticator.issue(account, pod, audiences, seconds)
    status = {
        "token": token,
        "expirationTimestamp": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    shown = {**spec, "audiences": audiences or [verbs.core.config.issuer], "expirationSeconds": seconds}
    meta = {"name": request.name, "namespace": request.namespace, "creationTimestamp": None}
    return {
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": meta, "spec": shown,
        "status": status,
    }  # fmt: skip


def _bound_pod(verbs: Verbs, request: Request, ref: Body) -> Body | None:
    if not ref:
        return None
    if ref.get("kind") != "Pod":
        raise errors.bad_request(f"cannot bind a token for serviceaccount to an object of kind {ref.get('kind')!r}")
    item = verbs.core.store.get(PODS.key(request.namespace, str(ref.get("name", ""))))
    if item is None:
        raise errors.bad_request(f"cannot bind a token to pod {ref.get('name')!r}: it does not exist")
    uid = item.body["metadata"]["uid"]
    if ref.get("uid") not in (None, "", uid):
        why = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record ({uid})"
        raise errors.conflict(
            request.defn, request.name, f"{why}. The object might have been deleted and then recreated"
        )
    if item.body["spec"].get("serviceAccountName") != request.name:
        raise errors.bad_request(f"cannot bind token for serviceaccount {request.name!r} to a pod of another account")
    return item.body


async def evict(verbs: Verbs, request: Request, body: Body) -> Body:
    """Eviction: a deletion with the options it carries."""
    options = parse_delete_options(body.get("deleteOptions") or {})
    await verbs.deleter.delete(replace(request, subresource=""), options)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def bind(verbs: Verbs, request: Request, body: Body) -> Body:
    """Binding: puts a pod on a node. Raises ApiError 409 when it is on one already."""
    item = verbs.core.existing(request)
    node = str((body.get("target") or {}).get("name", ""))
    if not node:
        raise errors.bad_request("target.name: the node's name is required")
    if current := item.body["spec"].get("nodeName"):
        raise errors.conflict(request.defn, request.name, f"pod {request.name} is already assigned to node {current!r}")
    now = verbs.core.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    status = dict(item.body.get("status") or {})
    others = [c for c in status.get("conditions") or () if c.get("type") != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    status["conditions"] = [*others, scheduled]
    new = {**item.body, "spec": {**item.body["spec"], "nodeName": node}, "status": status}
    await verbs.core.commit(request, request.name, item, new)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def finalize(verbs: Verbs, request: Request, body: Body) -> Body:
    """Replace a namespace's `spec.finalizers`; the last one lets a deleted namespace go."""
    item = verbs.core.existing(request)
    wanted = metadata(body).get("resourceVersion")
    if wanted and wanted != str(item.revision):
        raise errors.conflict(request.defn, request.name)
    spec = {**(item.body.get("spec") or {}), "finalizers": list((body.get("spec") or {}).get("finalizers") or [])}
    if not spec["finalizers"]:
        del spec["finalizers"]
    new = {**item.body, "spec": spec}
    return await verbs.core.commit(request, request.name, item, None if is_finished(new) else new)
