"""The ServiceAccount admission plug-in: a pod's account, its token volume and the mounts. Pure.

Source: Kubernetes' `plugin/pkg/admission/serviceaccount/admission.go`. Runs again after mutating webhooks, so that
containers they add get the mount too.
"""

from __future__ import annotations

import random
from typing import Any

from tejer.kube.resource import Body

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_PREFIX = "kube-api-access-"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_TOKEN_SECONDS = 3607


def with_service_account(pod: Body, account: Body) -> Body:
    """`pod` with serviceAccountName and, unless either side opted out, the projected token in every container."""
    spec: Body = dict(pod.get("spec") or {})
    name = account["metadata"]["name"]
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    if _wants_token(spec, account):
        volumes = list(spec.get("volumes") or [])
        volume = next((v["name"] for v in volumes if str(v.get("name", "")).startswith(_PREFIX)), "")
        if not volume:
            volume = _PREFIX + "".join(random.choices(_ALPHABET, k=5))  # noqa: S311
        used = False
        for field in ("initContainers", "containers"):
            if field in spec:
                mounted = [_mounted(container, volume) for container in spec[field]]
                used = used or any(_mounts(container, volume) for container in mounted)
                spec[field] = mounted
        if used and not any(v.get("name") == volume for v in volumes):
            spec["volumes"] = [*volumes, _volume(volume)]
    return {**pod, "spec": spec}


def _wants_token(spec: Body, account: Body) -> bool:
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return wanted is not False


def _mounts(container: Body, volume: str) -> bool:
    return any(mount.get("name") == volume for mount in container.get("volumeMounts") or ())


def _mounted(container: Body, volume: str) -> Body:
    mounts: list[Any] = list(container.get("volumeMounts") or [])
    if any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, {"name": volume, "readOnly": True, "mountPath": MOUNT_PATH}]}


def _volume(name: str) -> Body:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
