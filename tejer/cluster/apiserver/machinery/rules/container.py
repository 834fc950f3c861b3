"""Validation of the containers of a PodSpec. Source: kubernetes `pkg/apis/core/validation`, release 1.33."""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    duplicate,
    forbidden,
    invalid_value,
    not_found,
    not_supported,
    required,
)
from tejer.cluster.apiserver.machinery.quantity import parse_quantity
from tejer.kube.resource import Body

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_ENV_SOURCES = ("configMapKeyRef", "fieldRef", "resourceFieldRef", "secretKeyRef")
_FIELD_PATHS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_AT_LEAST_ONE = ("timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def check_containers(spec: Body, volumes: set[str], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    containers = spec.get("containers") or []
    if not containers:
        wrong.append(required(f"{path}.containers"))
    seen: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            at = f"{path}.{kind}[{index}]"
            name = container.get("name", "")
            if name and name in seen:
                wrong.append(duplicate(f"{at}.name", name))
            seen.add(name)
            wrong += _check_container(container, volumes, at)
            if kind == "initContainers":
                wrong += _check_init(container, at)
            elif container.get("restartPolicy"):
                wrong.append(forbidden(f"{at}.restartPolicy", "may not be set for non-init containers"))
    return wrong


def _check_init(container: Body, path: str) -> list[Cause]:
    policy = container.get("restartPolicy")
    if policy == "Always":
        return []
    wrong = []
    if policy:
        wrong.append(not_supported(f"{path}.restartPolicy", policy, ("Always",)))
    for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if key in container:
            wrong.append(forbidden(f"{path}.{key}", "may not be set for init containers without restartPolicy=Always"))
    return wrong


def _check_container(container: Body, volumes: set[str], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    name, image = container.get("name", ""), container.get("image", "")
    if not name:
        wrong.append(required(f"{path}.name"))
    else:
        wrong += [invalid_value(f"{path}.name", name, text) for text in names.dns_label(name)]
    if not image:
        wrong.append(required(f"{path}.image"))
    elif image != image.strip():
        wrong.append(invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace"))
    policy = container.get("imagePullPolicy", "Always")
    if policy not in _PULL_POLICIES:
        wrong.append(not_supported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES))
    wrong += _check_ports(container.get("ports") or [], f"{path}.ports")
    wrong += _check_env(container.get("env") or [], f"{path}.env")
    wrong += _check_env_from(container.get("envFrom") or [], f"{path}.envFrom")
    wrong += _check_mounts(container.get("volumeMounts") or [], volumes, f"{path}.volumeMounts")
    wrong += _check_resources(container.get("resources") or {}, f"{path}.resources")
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        if key in container:
            wrong += _check_probe(container[key], f"{path}.{key}", only_one=key != "readinessProbe")
    for key in ("postStart", "preStop"):
        handler = (container.get("lifecycle") or {}).get(key)
        if handler is not None:
            wrong += _check_handler(handler, f"{path}.lifecycle.{key}")
    return wrong


def _check_ports(ports: list[Body], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        name, number = port.get("name", ""), port.get("containerPort", 0)
        if name:
            wrong += [invalid_value(f"{at}.name", name, text) for text in names.port_name(name)]
            if name in seen:
                wrong.append(duplicate(f"{at}.name", name))
            seen.add(name)
        if not number:
            wrong.append(required(f"{at}.containerPort"))
        else:
            wrong += [invalid_value(f"{at}.containerPort", number, text) for text in names.port_number(number)]
        if port.get("hostPort"):
            wrong += [invalid_value(f"{at}.hostPort", port["hostPort"], t) for t in names.port_number(port["hostPort"])]
        protocol = port.get("protocol", "TCP")
        if protocol not in _PROTOCOLS:
            wrong.append(not_supported(f"{at}.protocol", protocol, _PROTOCOLS))
    return wrong


def _check_env(env: list[Body], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for index, variable in enumerate(env):
        at = f"{path}[{index}]"
        name, source = variable.get("name", ""), variable.get("valueFrom")
        if not name:
            wrong.append(required(f"{at}.name"))
        else:
            wrong += [invalid_value(f"{at}.name", name, text) for text in names.env_name(name)]
        if source is None:
            continue
        at += ".valueFrom"
        if variable.get("value"):
            wrong.append(invalid_value(at, "", "may not be specified when `value` is not empty"))
        given = [key for key in _ENV_SOURCES if key in source]
        if not given:
            text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            wrong.append(invalid_value(at, "", text))
        elif len(given) > 1:
            wrong.append(invalid_value(at, "", "may not have more than one field specified at a time"))
        for key in given:
            wrong += _check_env_source(key, source[key], f"{at}.{key}")
    return wrong


def _check_env_source(kind: str, source: Body, path: str) -> list[Cause]:
    if kind in ("configMapKeyRef", "secretKeyRef"):
        return [required(f"{path}.{key}") for key in ("name", "key") if not source.get(key)]
    if kind == "resourceFieldRef":
        return [] if source.get("resource") else [required(f"{path}.resource")]
    field = source.get("fieldPath", "")
    if not field:
        return [required(f"{path}.fieldPath")]
    if field in _FIELD_PATHS or field.startswith(("metadata.labels['", "metadata.annotations['")):
        return []
    if field.startswith(("metadata.", "spec.", "status.")):
        return [not_supported(f"{path}.fieldPath", field, sorted(_FIELD_PATHS))]
    return [
        invalid_value(f"{path}.fieldPath", field, f"error converting fieldPath: field label not supported: {field}")
    ]


def _check_env_from(sources: list[Body], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for index, source in enumerate(sources):
        at = f"{path}[{index}]"
        given = [key for key in ("configMapRef", "secretRef") if key in source]
        if not given:
            wrong.append(invalid_value(at, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            wrong.append(invalid_value(at, "", "may not have more than one field specified at a time"))
        wrong += [required(f"{at}.{key}.name") for key in given if not source[key].get("name")]
    return wrong


def _check_mounts(mounts: list[Body], volumes: set[str], path: str) -> list[Cause]:
    wrong: list[Cause] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        at = f"{path}[{index}]"
        name, target = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            wrong.append(required(f"{at}.name"))
        elif name not in volumes:
            wrong.append(not_found(f"{at}.name", name))
        if not target:
            wrong.append(required(f"{at}.mountPath"))
        elif target in seen:
            wrong.append(invalid_value(f"{at}.mountPath", target, "must be unique"))
        seen.add(target)
        sub = mount.get("subPath", "")
        if sub.startswith("/"):
            wrong.append(invalid_value(f"{at}.subPath", sub, "must be a relative path"))
        elif ".." in sub.split("/"):
            wrong.append(invalid_value(f"{at}.subPath", sub, "must not contain '..'"))
    return wrong


def _check_resources(resources: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            value = parse_quantity(amount)
            if value is not None and value < 0:
                wrong.append(invalid_value(f"{path}.{kind}[{name}]", amount, "must be greater than or equal to 0"))
            if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage") and "hugepages-" not in name:
                wrong.append(invalid_value(f"{path}.{kind}", name, "must be a standard resource for containers"))
    for name, amount in requests.items():
        wanted, allowed = parse_quantity(amount), parse_quantity(limits.get(name))
        if wanted is not None and allowed is not None and wanted > allowed:
            text = f"must be less than or equal to {name} limit of {limits[name]}"
            wrong.append(invalid_value(f"{path}.requests", amount, text))
    return wrong


def _check_probe(probe: Body, path: str, *, only_one: bool) -> list[Cause]:
    wrong = _check_handler(probe, path)
    for key in _AT_LEAST_ONE:
        value = probe.get(key)
        if value is not None and value < 0:
            wrong.append(invalid_value(f"{path}.{key}", value, "must be greater than or equal to 0"))
    delay = probe.get("initialDelaySeconds", 0)
    if delay < 0:
        wrong.append(invalid_value(f"{path}.initialDelaySeconds", delay, "must be greater than or equal to 0"))
    if only_one and probe.get("successThreshold", 1) not in (0, 1):
        wrong.append(invalid_value(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return wrong


def _check_handler(handler: Body, path: str) -> list[Cause]:
    given = [key for key in _HANDLERS if key in handler]
    if not given:
        return [required(path, "must specify a handler type")]
    wrong: list[Cause] = [forbidden(f"{path}.{key}", "may not specify more than 1 handler type") for key in given[1:]]
    first = given[0]
    action = handler[first]
    if first == "exec" and not action.get("command"):
        wrong.append(required(f"{path}.exec.command"))
    if first in ("httpGet", "tcpSocket"):
        wrong += check_port(action.get("port", 0), f"{path}.{first}.port")
    if first == "grpc":
        wrong += [
            invalid_value(f"{path}.grpc.port", action.get("port", 0), t)
            for t in names.port_number(action.get("port", 0))
        ]
    if first == "httpGet" and action.get("scheme", "HTTP") not in ("HTTP", "HTTPS"):
        wrong.append(not_supported(f"{path}.httpGet.scheme", action["scheme"], ("HTTP", "HTTPS")))
    return wrong


def check_port(port: Any, path: str) -> list[Cause]:
    """A port given as number or name."""
    if isinstance(port, str):
        return [invalid_value(path, port, text) for text in names.port_name(port)]
    return [invalid_value(path, port, text) for text in names.port_number(int(port))]
