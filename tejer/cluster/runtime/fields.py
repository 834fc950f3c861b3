"""Values that a pod's fields and resources have for `fieldRef` and `resourceFieldRef`. Pure.

Source: Kubernetes' `pkg/fieldpath` and `pkg/api/v1/resource`.
"""

from __future__ import annotations

import math
import re

from tejer.cluster.runtime.inputs import CONFIG_ERROR, Inputs, PlanError
from tejer.cluster.runtime.quantity import parse_quantity
from tejer.kube.kinds.core import Container, Pod, ResourceFieldSelector

_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['([^']*)'\]$")


def field_value(pod: Pod, path: str, inputs: Inputs) -> str:
    """The value of `path`, e.g. `metadata.labels['app']`; "" for a missing label. Raises PlanError if unknown."""
    meta, spec = pod.metadata, pod.spec
    simple = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "spec.nodeName": spec.node_name or inputs.node_name,
        "spec.serviceAccountName": spec.service_account_name,
        "status.hostIP": inputs.host_ip,
        "status.hostIPs": inputs.host_ip,
        "status.podIP": inputs.pod_ip,
        "status.podIPs": inputs.pod_ip,
    }
    if path in simple:
        return simple[path]
    if path in {"metadata.labels", "metadata.annotations"}:
        return _listed(meta.labels if path.endswith("labels") else meta.annotations)
    subscript = _SUBSCRIPT.match(path)
    if subscript is None:
        raise PlanError(CONFIG_ERROR, f"unsupported fieldPath: {path}")
    values = meta.labels if subscript[1] == "labels" else meta.annotations
    return values.get(subscript[2], "")


def _listed(values: dict[str, str]) -> str:
    """One `key="value"` a line, as the downward API writes maps."""
    quoted = {
        key: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, value in values.items()
    }
    return "\n".join(f'{key}="{quoted[key]}"' for key in sorted(quoted))


def resource_value(pod: Pod, container: Container, selector: ResourceFieldSelector, inputs: Inputs) -> str:
    """The container's limit or request divided by the divisor, rounded up; an absent limit is the node's whole."""
    if selector.container_name and selector.container_name != container.name:
        named = [c for c in (*pod.spec.containers, *pod.spec.init_containers) if c.name == selector.container_name]
        if not named:
            raise PlanError(CONFIG_ERROR, f"resourceFieldRef: no container {selector.container_name}")
        container = named[0]
    kind, _, name = selector.resource.partition(".")
    resources = container.resources
    limits = resources.limits if resources else {}
    requests = resources.requests if resources else {}
    given = limits.get(name) if kind == "limits" else requests.get(name, limits.get(name))
    if given is None:
        whole = {"cpu": inputs.host.cpus, "memory": inputs.host.memory}
        given = whole.get(name, 0) if kind == "limits" else 0
    try:
        amount, divisor = parse_quantity(given), parse_quantity(selector.divisor or "1")
    except ValueError as error:
        raise PlanError(CONFIG_ERROR, f"resourceFieldRef {selector.resource}: {error}") from error
    return str(math.ceil(amount / (divisor or 1)))
