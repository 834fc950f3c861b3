"""A container's environment. Pure.

Order and precedence are the kubelet's: Service variables, then envFrom in its order, then env, each later one able to
refer to the earlier by `$(NAME)`. Source: kubernetes `pkg/kubelet/kubelet_pods.go` makeEnvironmentVariables and
`third_party/forked/golang/expansion`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping

from tejer.cluster.runtime.fields import field_value, resource_value
from tejer.cluster.runtime.inputs import CONFIG_ERROR, Inputs, PlanError
from tejer.kube.kinds.core import Container, EnvVar, Pod
from tejer.kube.resource import Body, metadata

_REFERENCE = re.compile(r"\$(\$|\(([^()$]*)\))")
_VALID_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` → its value where it has one, else left as it is; `$$` → `$`."""

    def replace(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return values.get(match[2], match[0])

    return _REFERENCE.sub(replace, text)


def environment(pod: Pod, container: Container, base: Mapping[str, str], inputs: Inputs) -> dict[str, str]:
    """`base` is the image's own. Raises PlanError when a ConfigMap, Secret or key that is not optional is missing."""
    values = {**base, **service_variables(pod, inputs)}
    for source in container.env_from:
        if source.config_map_ref is not None:
            ref = source.config_map_ref
            data = config_map_data(pod.metadata.namespace, ref.name, inputs, optional=bool(ref.optional))
        elif source.secret_ref is not None:
            secret = source.secret_ref
            data = secret_data(pod.metadata.namespace, secret.name, inputs, optional=bool(secret.optional))
        else:
            continue
        for key, raw in data.items():
            if _VALID_NAME.match(source.prefix + key):
                values[source.prefix + key] = raw.decode(errors="replace")
    for variable in container.env:
        value = _value(pod, container, variable, values, inputs)
        if value is not None:
            values[variable.name] = value
    return values


def _value(pod: Pod, container: Container, variable: EnvVar, values: Mapping[str, str], inputs: Inputs) -> str | None:
    source = variable.value_from
    if source is None:
        return expand(variable.value, values)
    if source.field_ref is not None:
        return field_value(pod, source.field_ref.field_path, inputs)
    if source.resource_field_ref is not None:
        return resource_value(pod, container, source.resource_field_ref, inputs)
    namespace = pod.metadata.namespace
    if source.config_map_key_ref is not None:
        ref = source.config_map_key_ref
        data = config_map_data(namespace, ref.name, inputs, optional=bool(ref.optional))
        return _key(data, ref.key, f"ConfigMap {namespace}/{ref.name}", optional=bool(ref.optional))
    if source.secret_key_ref is not None:
        secret = source.secret_key_ref
        data = secret_data(namespace, secret.name, inputs, optional=bool(secret.optional))
        return _key(data, secret.key, f"Secret {namespace}/{secret.name}", optional=bool(secret.optional))
    return None


def _key(data: Mapping[str, bytes], key: str, where: str, *, optional: bool) -> str | None:
    if key in data:
        return data[key].decode(errors="replace")
    if optional:
        return None
    raise PlanError(CONFIG_ERROR, f"couldn't find key {key} in {where}")


def config_map_data(namespace: str, name: str, inputs: Inputs, *, optional: bool) -> dict[str, bytes]:
    """Its data and binaryData. Raises PlanError when it doesn't exist and isn't optional."""
    body = inputs.config_maps.get((namespace, name))
    if body is None:
        if optional:
            return {}
        raise PlanError(CONFIG_ERROR, f'configmap "{name}" not found')
    plain = {key: str(value).encode() for key, value in (body.get("data") or {}).items()}
    return {**plain, **{key: base64.b64decode(value) for key, value in (body.get("binaryData") or {}).items()}}


def secret_data(namespace: str, name: str, inputs: Inputs, *, optional: bool) -> dict[str, bytes]:
    """Its data, decoded. Raises PlanError when it doesn't exist and isn't optional."""
    body = inputs.secrets.get((namespace, name))
    if body is None:
        if optional:
            return {}
        raise PlanError(CONFIG_ERROR, f'secret "{name}" not found')
    return {key: base64.b64decode(value) for key, value in (body.get("data") or {}).items()}


def service_variables(pod: Pod, inputs: Inputs) -> dict[str, str]:
    """`NAME_SERVICE_HOST` and its kin: always the API server's, the namespace's unless enableServiceLinks is false."""
    variables: dict[str, str] = {}
    api = {"KUBERNETES_SERVICE_HOST": inputs.kubernetes_ip, "KUBERNETES_SERVICE_PORT": "443"}
    linked = pod.spec.enable_service_links is not False
    for service in inputs.services:
        meta = metadata(service)
        is_api = meta.get("namespace") == "default" and meta.get("name") == "kubernetes"
        if is_api or (linked and meta.get("namespace") == pod.metadata.namespace):
            variables.update(_of_service(service))
    return {**api, **variables}


def _of_service(service: Body) -> Iterable[tuple[str, str]]:
    spec = service.get("spec") or {}
    address, ports = spec.get("clusterIP"), spec.get("ports") or []
    if not address or address == "None" or not ports:
        return
    name = str(metadata(service).get("name", "")).upper().replace("-", "_")
    yield f"{name}_SERVICE_HOST", address
    yield f"{name}_SERVICE_PORT", str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            yield f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}", str(port["port"])
    first = ports[0]
    yield f"{name}_PORT", f"{str(first.get('protocol', 'TCP')).lower()}://{address}:{first['port']}"
    for port in ports:
        protocol = str(port.get("protocol", "TCP"))
        prefix = f"{name}_PORT_{port['port']}_{protocol}"
        yield prefix, f"{protocol.lower()}://{address}:{port['port']}"
        yield f"{prefix}_PROTO", protocol.lower()
        yield f"{prefix}_PORT", str(port["port"])
        yield f"{prefix}_ADDR", address
