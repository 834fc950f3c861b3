"""Validation of the small core kinds: ConfigMap, Secret, PersistentVolumeClaim, Event, Lease, StorageClass.

Source: kubernetes `pkg/apis/{core,coordination,storage}/validation`, release 1.33.
"""

from __future__ import annotations

import base64
import binascii
import json

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    forbidden,
    immutable,
    invalid_value,
    not_supported,
    required,
    too_long,
)
from tejer.cluster.apiserver.machinery.quantity import parse_quantity
from tejer.kube.resource import Body, metadata

_MAX_DATA = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_SECRET_KEYS: dict[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}


def check_config_map(body: Body, old: Body | None) -> list[Cause]:
    data, binary = body.get("data") or {}, body.get("binaryData") or {}
    wrong: list[Cause] = []
    for field, entries in (("data", data), ("binaryData", binary)):
        for key in entries:
            wrong += [invalid_value(f"{field}[{key}]", key, text) for text in names.config_key(key)]
    for key in data.keys() & binary.keys():
        wrong.append(invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData"))
    total = sum(len(value.encode()) for value in data.values()) + sum(len(value) * 3 // 4 for value in binary.values())
    if total > _MAX_DATA:
        wrong.append(too_long("", _MAX_DATA))
    if old is not None and old.get("immutable"):
        wrong += _check_frozen(body, old, ("data", "binaryData"))
    return wrong


def check_secret(body: Body, old: Body | None) -> list[Cause]:
    data = body.get("data") or {}
    kind = body.get("type", "Opaque")
    wrong: list[Cause] = []
    for key in data:
        wrong += [invalid_value(f"data[{key}]", key, text) for text in names.config_key(key)]
    if sum(len(value) * 3 // 4 for value in data.values()) > _MAX_DATA:
        wrong.append(too_long("data", _MAX_DATA))
    for key in _SECRET_KEYS.get(kind, ()):
        if key not in data:
            wrong.append(required(f"data[{key}]"))
        elif key.startswith(".docker") and not _is_json(data[key]):
            wrong.append(invalid_value(f"data[{key}]", "<secret contents redacted>", "must be valid JSON"))
    if kind == "kubernetes.io/service-account-token":
        account = (metadata(body).get("annotations") or {}).get("kubernetes.io/service-account.name")
        if not account:
            wrong.append(required("metadata.annotations[kubernetes.io/service-account.name]"))
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        wrong += [required("data[username]"), required("data[password]")]
    if old is not None:
        if old.get("type", "Opaque") != kind:
            wrong.append(immutable("type", kind))
        if old.get("immutable"):
            wrong += _check_frozen(body, old, ("data",))
    return wrong


def _check_frozen(body: Body, old: Body, fields: tuple[str, ...]) -> list[Cause]:
    wrong = [forbidden(field, _FROZEN) for field in fields if (body.get(field) or {}) != (old.get(field) or {})]
    return wrong if body.get("immutable") else [forbidden("immutable", _FROZEN), *wrong]


def _is_json(encoded: str) -> bool:
    try:
        json.loads(base64.b64decode(encoded))
    except (ValueError, binascii.Error):
        return False
    return True


def check_claim(body: Body, old: Body | None) -> list[Cause]:
    spec = body.get("spec") or {}
    wrong: list[Cause] = []
    modes = spec.get("accessModes") or []
    if not modes:
        wrong.append(required("spec.accessModes", "at least 1 access mode is required"))
    wrong += [not_supported("spec.accessModes", mode, _ACCESS_MODES) for mode in modes if mode not in _ACCESS_MODES]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        text = "may not use ReadWriteOncePod with other access modes"
        wrong.append(forbidden("spec.accessModes", text))
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        wrong.append(required("spec.resources[storage]"))
    elif (parse_quantity(size) or 0) <= 0:
        wrong.append(invalid_value("spec.resources[storage]", size, "must be greater than zero"))
    if spec.get("storageClassName"):
        name = spec["storageClassName"]
        wrong += [invalid_value("spec.storageClassName", name, text) for text in names.dns_subdomain(name)]
    if spec.get("volumeMode", "Filesystem") not in ("Block", "Filesystem"):
        wrong.append(not_supported("spec.volumeMode", spec["volumeMode"], ("Block", "Filesystem")))
    return wrong + (_check_claim_update(spec, old.get("spec") or {}) if old is not None else [])


def _check_claim_update(spec: Body, old: Body) -> list[Cause]:
    changed = {key for key in spec.keys() | old.keys() if spec.get(key) != old.get(key)}
    changed -= {"resources", "volumeAttributesClassName"}
    if not old.get("volumeName"):
        changed -= {"volumeName"}  # the binder sets it once
    if not old.get("storageClassName"):
        changed -= {"storageClassName"}
    if not changed:
        return []
    text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    return [forbidden("spec", text)]


def check_event(body: Body, old: Body | None) -> list[Cause]:
    namespace = (body.get("involvedObject") or {}).get("namespace", "")
    own = metadata(body).get("namespace", "")
    if namespace != own and not (not namespace and own == "default"):
        return [invalid_value("involvedObject.namespace", namespace, "does not match event.namespace")]
    return []


def check_lease(body: Body, old: Body | None) -> list[Cause]:
    spec = body.get("spec") or {}
    wrong: list[Cause] = []
    for key, least in (("leaseDurationSeconds", 1), ("leaseTransitions", 0)):
        value = spec.get(key)
        if value is not None and value < least:
            text = "must be greater than 0" if least else "must be greater than or equal to 0"
            wrong.append(invalid_value(f"spec.{key}", value, text))
    return wrong


def check_storage_class(body: Body, old: Body | None) -> list[Cause]:
    wrong: list[Cause] = []
    if not body.get("provisioner"):
        wrong.append(required("provisioner"))
    if body.get("reclaimPolicy", "Delete") not in ("Delete", "Retain"):
        wrong.append(not_supported("reclaimPolicy", body["reclaimPolicy"], ("Delete", "Retain")))
    modes = ("Immediate", "WaitForFirstConsumer")
    if body.get("volumeBindingMode", "Immediate") not in modes:
        wrong.append(not_supported("volumeBindingMode", body["volumeBindingMode"], modes))
    if old is not None:
        for key in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"):
            if body.get(key) != old.get(key):
                wrong.append(forbidden(key, "updates to this field are forbidden."))
    return wrong
