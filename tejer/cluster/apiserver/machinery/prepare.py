"""The pure half of a write: from a client's body to the object to store. In order, for the HTTP shell:

create: `prepare_create` → `track_update` → mutating webhooks, after each patch `after_mutation` → allocation (cluster
IPs) → `validate` → validating webhooks → store.
update and patch: `apply_patch` (patches) → `prepare_update` → `track_update` → mutating webhooks → `validate` →
validating webhooks → when `changed(old, new)`, store.
server-side apply: `server_side_apply` → `prepare_create`/`prepare_update` → mutating webhooks → ... as above, no
`track_update`.

Every function raises ApiError as Kubernetes would (400 for decoding, 422 for invalid objects) and mutates nothing.
"""

from __future__ import annotations

import copy
import json
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from tejer.cluster.apiserver.machinery.causes import Cause, invalid
from tejer.cluster.apiserver.machinery.decoding import decode, strict_problems
from tejer.cluster.apiserver.machinery.defaults import apply_defaults, default_status
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.objectmeta import counts_generation, for_create, for_update
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata

_ENCODE = msgspec.json.Encoder(order="sorted").encode
# Kinds whose creator may set the status, though it is a subresource.
_STATUS_AT_BIRTH = frozenset({"Node"})
_FIRST_STATUS: dict[str, Body] = {
    "Namespace": {"phase": "Active"},
    "PersistentVolume": {"phase": "Pending"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "Pod": {"phase": "Pending"},
    "ReplicaSet": {"replicas": 0},
    "Service": {"loadBalancer": {}},
}
# Kinds whose status subresource also takes labels.
_STATUS_TAKES_LABELS = frozenset({"Pod", "Node"})


class Prepared(NamedTuple):
    """`warnings` go to the client as `Warning: 299` headers, one each."""

    body: Body
    warnings: tuple[str, ...] = ()


def prepare_create(
    defn: Definition, body: Body, *, namespace: str = "", now: datetime, field_validation: str = "",
    duplicates: tuple[str, ...] = (), name: str = "",
) -> Prepared:  # fmt: skip
    """The object a POST would create: decoded as Go would, defaulted, metadata set, status reset.

    `namespace` is the request path's; a body that says another is refused. `field_validation` is Strict, Warn or
    Ignore ("" = Warn); `duplicates` are the duplicate fields the JSON reader met. `name` (from the path) is required to
    match, for create-on-apply. Sets uid, creationTimestamp, generation and a generateName suffix; no resourceVersion.
    """
    check_kind(defn, body)
    new, unknown = decode(defn, body)
    warnings = _report(defn, strict_problems(unknown, duplicates), field_validation, None)
    meta = for_create(defn, new.get("metadata") or {}, namespace, now)
    if name and meta.get("name") != name:
        text = f"the name of the object ({meta.get('name', '')}) does not match the name on the URL ({name})"
        raise ApiError(400, "BadRequest", text)
    new["metadata"] = meta
    if defn.has_status and defn.kind not in _STATUS_AT_BIRTH:
        new.pop("status", None)
    apply_defaults(defn, new)
    if not defn.is_crd and defn.kind in _FIRST_STATUS:
        new["status"] = dict(_FIRST_STATUS[defn.kind])
    elif not defn.is_crd and defn.has_status:
        new.setdefault("status", {})
    return Prepared(_ordered(new), warnings + _deprecation(defn))


def prepare_update(
    defn: Definition, old: Body, new: Body, *, subresource: str = "", now: datetime, field_validation: str = "",
    duplicates: tuple[str, ...] = (), patch: Any = None,
) -> Prepared:  # fmt: skip
    """The object that replaces `old`: what the (sub)resource may not touch is taken from `old`.

    `subresource` is "" or "status" (then only status and a few metadata fields move). `generation` grows when anything
    outside metadata and status changed. uid, name or namespace that differ are refused with 409 or 400. The shell
    checks resourceVersion itself. `patch` is what the client sent, when it was a patch: strict errors then name it.
    """
    check_kind(defn, new)
    old = defn.convert(old)
    # an update of the status takes nothing else from the body: most writes are these, so nothing else is read
    taken: Body = {key: new[key] for key in ("metadata", "status") if key in new} if subresource == "status" else new
    read, unknown = decode(defn, taken)
    warnings = _report(defn, strict_problems(unknown, duplicates), field_validation, patch)
    _check_identity(defn, metadata(old), read.get("metadata") or {})
    read["metadata"] = for_update(metadata(old), read.get("metadata") or {}, group_resource=defn.group_resource)
    if subresource == "status":
        read = _status_update(defn, old, read)
        default_status(defn, read)
    else:
        if defn.has_status:
            read.pop("status", None)
            if "status" in old:
                read["status"] = copy.deepcopy(old["status"])
        apply_defaults(defn, read, old)
        if counts_generation(defn):
            _count_generation(old, read)
    return Prepared(_ordered(read), warnings + _deprecation(defn))


def after_mutation(defn: Definition, body: Body) -> Body:
    """Decode again what a mutating webhook returned: unknown fields pruned, defaults filled."""
    new, _ = decode(defn, body)
    apply_defaults(defn, new)
    return _ordered(new)


def changed(old: Body, new: Body) -> bool:
    """Whether a write of `new` over `old` must get a new resourceVersion (times in managedFields do not count)."""
    before, after = _timeless(old), _timeless(new)
    # for Python 1 == True == 1.0, for JSON they differ
    return before != after or _ENCODE(before) != _ENCODE(after)


def check_kind(defn: Definition, body: Any) -> None:
    """Raise 400 when the body is not an object of this kind and version. Absent apiVersion and kind are fine."""
    if not isinstance(body, dict):
        raise ApiError(400, "BadRequest", f"the request body must be an object of kind {defn.kind}")
    if not isinstance(body.get("metadata") or {}, dict):
        raise ApiError(400, "BadRequest", f"metadata of a {defn.kind} must be an object")
    api_version, kind = body.get("apiVersion") or defn.api_version, body.get("kind") or defn.kind
    if api_version != defn.api_version:
        text = (
            f"the API version in the data ({api_version}) does not match the expected API version ({defn.api_version})"
        )
        raise ApiError(400, "BadRequest", text)
    if kind != defn.kind:
        text = f'{kind} in version "{defn.version}" cannot be handled as a {defn.kind}: the kinds differ'
        raise ApiError(400, "BadRequest", text)


def _report(defn: Definition, problems: list[str], field_validation: str, patch: Any) -> tuple[str, ...]:
    if not problems or field_validation == "Ignore":
        return ()
    if field_validation != "Strict":
        return tuple(problems)
    text = "strict decoding error: " + ", ".join(problems)
    if patch is not None:
        shown = json.dumps(patch, separators=(",", ":"), ensure_ascii=False)
        raise invalid("", "", "", [Cause("FieldValueInvalid", "patch", f'Invalid value: "{shown}": {text}')])
    raise ApiError(
        400, "BadRequest", f'{defn.kind} in version "{defn.version}" cannot be handled as a {defn.kind}: {text}'
    )


def _check_identity(defn: Definition, old: Body, new: Body) -> None:
    if new.get("name", old.get("name")) != old.get("name"):
        text = f"the name of the object ({new.get('name')}) does not match the name on the URL ({old.get('name')})"
        raise ApiError(400, "BadRequest", text)
    if defn.rtype.namespaced and new.get("namespace", old.get("namespace")) != old.get("namespace"):
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise ApiError(400, "BadRequest", text)


def _status_update(defn: Definition, old: Body, new: Body) -> Body:
    meta = dict(metadata(old))
    sent = metadata(new)
    if "managedFields" in sent:
        meta["managedFields"] = sent["managedFields"]
    if not defn.is_crd:
        taken = ("annotations", "labels") if defn.kind in _STATUS_TAKES_LABELS else ("annotations",)
        for key in (*taken, "finalizers"):
            meta.pop(key, None)
            if sent.get(key):
                meta[key] = sent[key]
    out = {**old, "metadata": meta}
    out.pop("status", None)
    if "status" in new:
        out["status"] = new["status"]
    return out


def _count_generation(old: Body, new: Body) -> None:
    ignored = ("metadata", "status", "apiVersion", "kind")
    before = {key: value for key, value in old.items() if key not in ignored}
    after = {key: value for key, value in new.items() if key not in ignored}
    generation = int(metadata(old).get("generation") or 0)
    new["metadata"]["generation"] = generation + 1 if before != after else max(generation, 1)


def _deprecation(defn: Definition) -> tuple[str, ...]:
    return (defn.deprecation_warning,) if defn.deprecation_warning else ()


def _ordered(body: Body) -> Body:
    """apiVersion, kind and metadata first: what people read."""
    head: Body = {key: body[key] for key in ("apiVersion", "kind", "metadata") if key in body}
    return {**head, **{key: value for key, value in body.items() if key not in head}}


def _timeless(body: Body) -> Body:
    meta = dict(metadata(body))
    meta.pop("resourceVersion", None)
    entries = meta.get("managedFields")
    if entries:
        meta["managedFields"] = [{k: v for k, v in entry.items() if k != "time"} for entry in entries]
    else:
        meta.pop("managedFields", None)
    return {**body, "metadata": meta}
