"""Rules of `metadata`: what the server sets, and what a client may write there.

Source: apimachinery `api/validation/objectmeta.go`, apiserver `registry/rest/{create,update}.go`, release 1.33.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import Cause, forbidden, immutable, invalid_value, required
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MAX_ANNOTATIONS = 256 * 1024
_NAME_RULES: dict[str, Callable[[str], list[str]]] = {
    "Namespace": names.dns_label,
    "Service": names.dns_1035_label,
    "Role": names.path_segment,
    "RoleBinding": names.path_segment,
    "ClusterRole": names.path_segment,
    "ClusterRoleBinding": names.path_segment,
    "Event": names.path_segment,
}
# Built-in kinds whose generation counts; custom resources always do.
WITH_GENERATION = frozenset(
    {
        "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "EndpointSlice", "Ingress",
        "NetworkPolicy", "PodDisruptionBudget", "CustomResourceDefinition", "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)  # fmt: skip


def timestamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def generate_name(base: str) -> str:
    """`base` with five random characters, cut so that the whole is at most 63 long."""
    return base[:58] + "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(5))


def counts_generation(defn: Definition) -> bool:
    return defn.is_crd or defn.kind in WITH_GENERATION


def for_create(defn: Definition, meta: Body, namespace: str, now: datetime) -> Body:
    """The metadata of a new object. Raises ApiError 400 when its namespace is not the request's."""
    meta = dict(meta)
    if defn.rtype.namespaced:
        if meta.get("namespace", namespace) != namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise ApiError(400, "BadRequest", text)
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)
    if meta.get("resourceVersion"):
        raise ApiError(400, "BadRequest", "resourceVersion should not be set on objects to be created")
    for server_owned in (
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "resourceVersion",
        "generation",
    ):
        meta.pop(server_owned, None)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = generate_name(meta["generateName"])
    meta["uid"] = str(uuid.uuid4())
    meta["creationTimestamp"] = timestamp(now)
    if counts_generation(defn):
        meta["generation"] = 1
    return meta


def for_update(old: Body, new: Body, *, group_resource: str) -> Body:
    """The metadata that replaces `old`: what only the server sets is carried over. 409 for another uid."""
    meta = dict(new)
    uid = meta.get("uid")
    if uid and uid != old.get("uid"):
        problem = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.get('uid')}"
        text = f'Operation cannot be fulfilled on {group_resource} "{old.get("name")}": {problem}'
        raise ApiError(409, "Conflict", text, {"name": old.get("name"), "kind": group_resource.partition(".")[0]})
    for key in (
        "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink",
        "resourceVersion", "generateName",
    ):  # fmt: skip
        meta.pop(key, None)
        if key in old:
            meta[key] = old[key]
    if not meta.get("namespace") and old.get("namespace"):
        meta["namespace"] = old["namespace"]
    return meta


def check_metadata(defn: Definition, meta: Body) -> list[Cause]:
    wrong: list[Cause] = []
    rule = names.dns_subdomain if defn.is_crd else _NAME_RULES.get(defn.kind, names.dns_subdomain)
    name = meta.get("name", "")
    if name:
        wrong += [invalid_value("metadata.name", name, text) for text in rule(name)]
    else:
        wrong.append(required("metadata.name", "name or generateName is required"))
    if defn.rtype.namespaced:
        namespace = meta.get("namespace", "")
        if not namespace:
            wrong.append(required("metadata.namespace"))
        wrong += [invalid_value("metadata.namespace", namespace, text) for text in names.dns_label(namespace or "x")]
    wrong += check_labels(meta.get("labels") or {}, "metadata.labels")
    wrong += check_annotations(meta.get("annotations") or {}, "metadata.annotations")
    for index, owner in enumerate(meta.get("ownerReferences") or ()):
        wrong += _check_owner(owner, f"metadata.ownerReferences[{index}]")
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        wrong += [invalid_value(f"metadata.finalizers[{index}]", finalizer, t) for t in names.qualified_name(finalizer)]
    return wrong


def check_metadata_update(meta: Body, old: Body) -> list[Cause]:
    wrong = [
        immutable(f"metadata.{key}", meta.get(key, ""))
        for key in ("name", "namespace")
        if meta.get(key, "") != old.get(key, "")
    ]
    if old.get("deletionTimestamp"):
        added = [f for f in meta.get("finalizers") or () if f not in (old.get("finalizers") or ())]
        if added:
            listed = ", ".join(f'"{finalizer}"' for finalizer in added)
            text = "no new finalizers can be added if the object is being deleted, found new finalizers []string{"
            wrong.append(forbidden("metadata.finalizers", text + listed + "}"))
    return wrong


def check_labels(labels: dict[str, Any], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for key, value in labels.items():
        wrong += [invalid_value(path, key, text) for text in names.qualified_name(key)]
        wrong += [invalid_value(path, value, text) for text in names.label_value(value)]
    return wrong


def check_annotations(annotations: dict[str, Any], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for key in annotations:
        wrong += [invalid_value(path, key, text) for text in names.qualified_name(key.lower())]
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > _MAX_ANNOTATIONS:
        wrong.append(Cause("FieldValueTooLong", path, f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"))
    return wrong


def _check_owner(owner: Body, path: str) -> list[Cause]:
    wrong = []
    if not owner.get("apiVersion"):
        wrong.append(invalid_value(f"{path}.apiVersion", "", "version must not be empty"))
    for key in ("kind", "name", "uid"):
        if not owner.get(key):
            wrong.append(invalid_value(f"{path}.{key}", "", "must not be empty"))
    return wrong
