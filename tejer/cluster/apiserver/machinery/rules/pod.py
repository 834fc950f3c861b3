"""Validation of Pods and of the PodSpec in a template. Source: kubernetes `pkg/apis/core/validation`, release 1.33."""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    duplicate,
    forbidden,
    invalid_value,
    not_supported,
    required,
)
from tejer.cluster.apiserver.machinery.objectmeta import check_labels
from tejer.cluster.apiserver.machinery.rules.container import check_containers
from tejer.kube.resource import Body

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MUTABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
_UPDATE_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_pod(pod: Body, old: Body | None) -> list[Cause]:
    spec = pod.get("spec") or {}
    if old is None:
        return check_pod_spec(spec, "spec")
    before = old.get("spec") or {}
    return [] if spec == before else check_pod_spec(spec, "spec") + _check_update(spec, before)


def _check_update(spec: Body, old: Body) -> list[Cause]:
    """Only images and a few numbers may change; a scheduler may also set an unset node."""
    changed = {key for key in spec.keys() | old.keys() if spec.get(key) != old.get(key)} - set(_MUTABLE)
    if not old.get("nodeName"):
        changed.discard("nodeName")
    for key in ("containers", "initContainers"):
        if key in changed and _without_images(spec.get(key)) == _without_images(old.get(key)):
            changed.discard(key)
    return [forbidden("spec", f"{_UPDATE_TEXT}: {', '.join(sorted(changed))}")] if changed else []


def _without_images(containers: list[Body] | None) -> list[Body]:
    return [{k: v for k, v in container.items() if k != "image"} for container in containers or ()]


def check_pod_spec(spec: Body, path: str) -> list[Cause]:
    volumes = spec.get("volumes") or []
    wrong = _check_volumes(volumes, f"{path}.volumes")
    known = {str(volume.get("name", "")) for volume in volumes}
    wrong += check_containers(spec, known, path)
    policy = spec.get("restartPolicy", "")
    if not policy:
        wrong.append(required(f"{path}.restartPolicy"))
    elif policy not in _RESTART_POLICIES:
        wrong.append(not_supported(f"{path}.restartPolicy", policy, _RESTART_POLICIES))
    dns = spec.get("dnsPolicy", "ClusterFirst")
    if dns not in _DNS_POLICIES:
        wrong.append(not_supported(f"{path}.dnsPolicy", dns, _DNS_POLICIES))
    if spec.get("serviceAccountName"):
        account = spec["serviceAccountName"]
        wrong += [invalid_value(f"{path}.serviceAccountName", account, t) for t in names.dns_subdomain(account)]
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            wrong += [invalid_value(f"{path}.{key}", spec[key], text) for text in names.dns_label(spec[key])]
    if spec.get("nodeName"):
        wrong += [invalid_value(f"{path}.nodeName", spec["nodeName"], t) for t in names.dns_subdomain(spec["nodeName"])]
    wrong += check_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    wrong += _check_numbers(spec, path)
    wrong += _check_lists(spec, path)
    return wrong


def _check_numbers(spec: Body, path: str) -> list[Cause]:
    wrong = []
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        text = "must be greater than or equal to 0"
        wrong.append(invalid_value(f"{path}.terminationGracePeriodSeconds", grace, text))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2147483647:
        text = "must be between 1 and 2147483647, inclusive"
        wrong.append(invalid_value(f"{path}.activeDeadlineSeconds", deadline, text))
    return wrong


def _check_lists(spec: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            wrong.append(required(f"{path}.imagePullSecrets[{index}].name"))
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        at = f"{path}.hostAliases[{index}]"
        wrong += [invalid_value(f"{at}.ip", alias.get("ip", ""), t) for t in names.ip_address(alias.get("ip", ""))]
        for host in alias.get("hostnames") or ():
            wrong += [invalid_value(f"{at}.hostnames", host, text) for text in names.dns_subdomain(host)]
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        at = f"{path}.tolerations[{index}]"
        operator = toleration.get("operator", "")
        if operator not in ("", "Equal", "Exists"):
            wrong.append(not_supported(f"{at}.operator", operator, ("Equal", "Exists")))
        if operator == "Exists" and toleration.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            wrong.append(invalid_value(f"{at}.operator", toleration, text))
        if not toleration.get("key") and operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            wrong.append(invalid_value(f"{at}.operator", operator, text))
    return wrong


_NEEDED_IN_VOLUME: dict[str, tuple[str, ...]] = {
    "configMap": ("name",),
    "secret": ("secretName",),
    "persistentVolumeClaim": ("claimName",),
    "hostPath": ("path",),
    "nfs": ("server", "path"),
}


def _check_volumes(volumes: list[Body], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        name = volume.get("name", "")
        if not name:
            wrong.append(required(f"{at}.name"))
        else:
            wrong += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
        if name and name in seen:
            wrong.append(duplicate(f"{at}.name", name))
        seen.add(name)
        sources = [key for key in volume if key != "name"]
        if not sources:
            wrong.append(required(at, "must specify a volume type"))
        for extra in sources[1:]:
            wrong.append(forbidden(f"{at}.{extra}", "may not specify more than 1 volume type"))
        for source in sources[:1]:
            wrong += _check_volume(source, volume[source], f"{at}.{source}")
    return wrong


def _check_volume(kind: str, source: Any, path: str) -> list[Cause]:
    if not isinstance(source, dict):
        return []
    wrong = [required(f"{path}.{key}") for key in _NEEDED_IN_VOLUME.get(kind, ()) if not source.get(key)]
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        wrong.append(
            invalid_value(f"{path}.defaultMode", mode, "must be a number between 0 and 0777 (octal), both inclusive")
        )
    for index, item in enumerate(source.get("items") or ()):
        wrong += _check_item(item, f"{path}.items[{index}]", keyed=kind != "downwardAPI")
    for index, projection in enumerate(source.get("sources") or ()):
        wrong += _check_projection(projection, f"{path}.sources[{index}]")
    return wrong


def _check_item(item: Body, path: str, *, keyed: bool) -> list[Cause]:
    wrong = [required(f"{path}.key")] if keyed and not item.get("key") else []
    target = item.get("path", "")
    if not target:
        wrong.append(required(f"{path}.path"))
    elif target.startswith("/"):
        wrong.append(invalid_value(f"{path}.path", target, "must be a relative path"))
    elif ".." in target.split("/"):
        wrong.append(invalid_value(f"{path}.path", target, "must not contain '..'"))
    return wrong


def _check_projection(projection: Body, path: str) -> list[Cause]:
    if len(projection) > 1:
        return [forbidden(path, "may not specify more than 1 volume type per source")]
    wrong: list[Cause] = []
    for key in ("configMap", "secret"):
        if key in projection and not projection[key].get("name"):
            wrong.append(required(f"{path}.{key}.name"))
    token = projection.get("serviceAccountToken")
    if token is not None:
        at = f"{path}.serviceAccountToken"
        if token.get("expirationSeconds", 3600) < 600:
            text = "may not specify a duration less than 10 minutes"
            wrong.append(invalid_value(f"{at}.expirationSeconds", token["expirationSeconds"], text))
        if not token.get("path"):
            wrong.append(required(f"{at}.path"))
    return wrong


def pod_warnings(spec: Body, path: str) -> list[str]:
    """What is accepted but probably not meant."""
    found = []
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            seen: set[str] = set()
            for position, variable in enumerate(container.get("env") or ()):
                name = variable.get("name", "")
                if name in seen:
                    where = f"{path}.{kind}[{index}].env[{position}]"
                    found.append(
                        f'{where}: hides previous definition of "{name}", which may be dropped when using apply'
                    )
                seen.add(name)
    return found
