"""The cells of each built-in kind's row.

Source: kubernetes `pkg/printers/internalversion/printers.go`, release 1.33.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tejer.cluster.apiserver.machinery.age import age, human_duration, parse_time
from tejer.cluster.apiserver.machinery.podstatus import pod_cells
from tejer.kube.resource import Body

Cells = list[Any]
_NONE = "<none>"
_MAX_ENDPOINTS = 3


def dig(value: Any, *path: str) -> Any:
    """The value at `path`, None where something on the way is absent."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def name_of(body: Body) -> str:
    return str(dig(body, "metadata", "name") or "")


def created(body: Body, now: datetime) -> str:
    return age(dig(body, "metadata", "creationTimestamp"), now)


def labels_text(labels: Any) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or _NONE


def selector_text(selector: Any) -> str:
    """A LabelSelector as text: `app=web,tier in (a,b)`."""
    if not selector:
        return _NONE
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or ():
        key, values = term.get("key", ""), ",".join(term.get("values") or ())
        match term.get("operator"):
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case "DoesNotExist":
                parts.append(f"!{key}")
    return ",".join(parts) or _NONE


def _containers(body: Body) -> tuple[str, str]:
    containers = dig(body, "spec", "template", "spec", "containers") or ()
    names, images = ([c.get(key, "") for c in containers] for key in ("name", "image"))
    return ",".join(names), ",".join(images)


def deployment(body: Body, now: datetime) -> Cells:
    status, wanted = body.get("status") or {}, dig(body, "spec", "replicas")
    ready = f"{status.get('readyReplicas', 0)}/{1 if wanted is None else wanted}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    selector = selector_text(dig(body, "spec", "selector"))
    return [name_of(body), ready, *counts, created(body, now), *_containers(body), selector]


def replica_set(body: Body, now: datetime) -> Cells:
    status, wanted = body.get("status") or {}, dig(body, "spec", "replicas")
    counts = [1 if wanted is None else wanted, status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [
        name_of(body),
        *counts,
        created(body, now),
        *_containers(body),
        selector_text(dig(body, "spec", "selector")),
    ]


def stateful_set(body: Body, now: datetime) -> Cells:
    wanted = dig(body, "spec", "replicas")
    ready = f"{dig(body, 'status', 'readyReplicas') or 0}/{1 if wanted is None else wanted}"
    return [name_of(body), ready, created(body, now), *_containers(body)]


def daemon_set(body: Body, now: datetime) -> Cells:
    keys = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = [dig(body, "status", key) or 0 for key in keys]
    nodes = labels_text(dig(body, "spec", "template", "spec", "nodeSelector"))
    selector = selector_text(dig(body, "spec", "selector"))
    return [name_of(body), *counts, nodes, created(body, now), *_containers(body), selector]


def job(body: Body, now: datetime) -> Cells:
    status, spec = body.get("status") or {}, body.get("spec") or {}
    conditions = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
    shown = next((c for c in ("Complete", "Failed", "Suspended") if c in conditions), "Running")
    wanted = spec.get("completions") or spec.get("parallelism") or 1
    start, end = parse_time(status.get("startTime")), parse_time(status.get("completionTime"))
    duration = human_duration(((end or now) - start).total_seconds()) if start else ""
    done = f"{status.get('succeeded', 0)}/{wanted}"
    selector = selector_text(spec.get("selector"))
    return [name_of(body), shown, done, duration, created(body, now), *_containers(body), selector]


def service(body: Body, now: datetime) -> Cells:
    spec = body.get("spec") or {}
    kind = spec.get("type") or "ClusterIP"
    ports = ",".join(_service_port(port) for port in spec.get("ports") or ()) or _NONE
    selector = labels_text(spec.get("selector"))
    return [
        name_of(body), kind, spec.get("clusterIP") or _NONE, _external_ip(body, kind), ports, created(body, now),
        selector,
    ]  # fmt: skip


def _service_port(port: Body) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"


def _external_ip(body: Body, kind: str) -> str:
    spec = body.get("spec") or {}
    if kind == "ExternalName":
        return spec.get("externalName") or _NONE
    addresses = []
    if kind == "LoadBalancer":
        ingress = dig(body, "status", "loadBalancer", "ingress") or ()
        addresses = [entry.get("ip") or entry.get("hostname") or "" for entry in ingress]
    addresses += spec.get("externalIPs") or []
    return ",".join(addresses) or ("<pending>" if kind == "LoadBalancer" else _NONE)


def endpoints(body: Body, now: datetime) -> Cells:
    found = [
        f"{address.get('ip')}:{port.get('port')}"
        for subset in body.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - _MAX_ENDPOINTS} more..." if len(found) > _MAX_ENDPOINTS else ""
    return [name_of(body), ",".join(found[:_MAX_ENDPOINTS]) + more or _NONE, created(body, now)]


def _some(items: list[str]) -> str:
    more = f" + {len(items) - _MAX_ENDPOINTS} more..." if len(items) > _MAX_ENDPOINTS else ""
    return ",".join(items[:_MAX_ENDPOINTS]) + more or "<unset>"


def endpoint_slice(body: Body, now: datetime) -> Cells:
    ports = [str(port.get("port", "*")) for port in body.get("ports") or ()]
    found = [address for entry in body.get("endpoints") or () for address in entry.get("addresses") or ()]
    return [name_of(body), body.get("addressType", ""), _some(ports), _some(found), created(body, now)]


def event(body: Body, now: datetime) -> Cells:
    target = body.get("involvedObject") or body.get("regarding") or {}
    first = body.get("firstTimestamp") or body.get("eventTime")
    last = dig(body, "series", "lastObservedTime") or body.get("lastTimestamp") or first
    count = dig(body, "series", "count") or body.get("count") or 1
    source = body.get("source") or body.get("deprecatedSource") or {}
    component = source.get("component") or body.get("reportingComponent") or body.get("reportingController") or ""
    where = f"{component}, {source['host']}" if source.get("host") else component
    return [
        age(last, now), body.get("type", ""), body.get("reason", ""),
        f"{str(target.get('kind', '')).lower()}/{target.get('name', '')}", target.get("fieldPath", ""), where,
        (body.get("message") or body.get("note") or "").strip(), age(first, now), count, name_of(body),
    ]  # fmt: skip


def node(body: Body, now: datetime) -> Cells:
    status = body.get("status") or {}
    conditions = {c.get("type"): c.get("status") for c in status.get("conditions") or ()}
    shown = {"True": "Ready", None: "Unknown"}.get(conditions.get("Ready"), "NotReady")
    if dig(body, "spec", "unschedulable"):
        shown += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    labels = dig(body, "metadata", "labels") or {}
    roles = ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or _NONE
    addresses = {entry.get("type"): entry.get("address") for entry in reversed(status.get("addresses") or ())}
    info = status.get("nodeInfo") or {}
    system = [info.get(key) or "<unknown>" for key in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    return [
        name_of(body), shown, roles, created(body, now), info.get("kubeletVersion", ""),
        addresses.get("InternalIP") or _NONE, addresses.get("ExternalIP") or _NONE, *system,
    ]  # fmt: skip


def namespace(body: Body, now: datetime) -> Cells:
    return [name_of(body), dig(body, "status", "phase") or "", created(body, now)]


def config_map(body: Body, now: datetime) -> Cells:
    return [name_of(body), len(body.get("data") or ()) + len(body.get("binaryData") or ()), created(body, now)]


def secret(body: Body, now: datetime) -> Cells:
    return [name_of(body), body.get("type", ""), len(body.get("data") or ()), created(body, now)]


def service_account(body: Body, now: datetime) -> Cells:
    return [name_of(body), len(body.get("secrets") or ()), created(body, now)]


_ACCESS_MODES = {
    "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"
}  # fmt: skip


def _access_modes(modes: Any) -> str:
    return ",".join(_ACCESS_MODES[mode] for mode in _ACCESS_MODES if mode in (modes or ()))


def claim(body: Body, now: datetime) -> Cells:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    phase = "Terminating" if dig(body, "metadata", "deletionTimestamp") else status.get("phase", "")
    volume = spec.get("volumeName", "")
    capacity = dig(status, "capacity", "storage") or "" if volume else ""
    modes = _access_modes(status.get("accessModes")) if volume else ""
    return [
        name_of(body), phase, volume, capacity, modes, spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or "<unset>", created(body, now), spec.get("volumeMode") or "<unset>",
    ]  # fmt: skip


def volume(body: Body, now: datetime) -> Cells:
    spec, claimed = body.get("spec") or {}, dig(body, "spec", "claimRef")
    phase = "Terminating" if dig(body, "metadata", "deletionTimestamp") else dig(body, "status", "phase") or ""
    owner = f"{claimed.get('namespace', '')}/{claimed.get('name', '')}" if claimed else ""
    return [
        name_of(body), dig(spec, "capacity", "storage") or "", _access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""), phase, owner, spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or "<unset>", dig(body, "status", "reason") or "", created(body, now),
        spec.get("volumeMode") or "<unset>",
    ]  # fmt: skip


def storage_class(body: Body, now: datetime) -> Cells:
    annotations = dig(body, "metadata", "annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return [
        name_of(body) + (" (default)" if default else ""), body.get("provisioner", ""),
        body.get("reclaimPolicy", "Delete"), body.get("volumeBindingMode", "Immediate"),
        bool(body.get("allowVolumeExpansion")), created(body, now),
    ]  # fmt: skip


def _subjects(body: Body, kind: str) -> str:
    found = [subject for subject in body.get("subjects") or () if subject.get("kind") == kind]
    if kind == "ServiceAccount":
        return ", ".join(f"{subject.get('namespace', '')}/{subject.get('name', '')}" for subject in found)
    return ", ".join(subject.get("name", "") for subject in found)


def role(body: Body, now: datetime) -> Cells:
    return [name_of(body), dig(body, "metadata", "creationTimestamp") or "<unknown>"]


def role_binding(body: Body, now: datetime) -> Cells:
    reference = f"{dig(body, 'roleRef', 'kind')}/{dig(body, 'roleRef', 'name')}"
    people = [_subjects(body, kind) for kind in ("User", "Group", "ServiceAccount")]
    return [name_of(body), reference, created(body, now), *people]


def custom_resource_definition(body: Body, now: datetime) -> Cells:
    return [name_of(body), dig(body, "metadata", "creationTimestamp") or "<unknown>"]


def lease(body: Body, now: datetime) -> Cells:
    return [name_of(body), dig(body, "spec", "holderIdentity") or "", created(body, now)]


def webhook_configuration(body: Body, now: datetime) -> Cells:
    return [name_of(body), len(body.get("webhooks") or ()), created(body, now)]


def any_object(body: Body, now: datetime) -> Cells:
    return [name_of(body), created(body, now)]


PRINTERS: dict[str, Callable[[Body, datetime], Cells]] = {
    "Pod": pod_cells,
    "Deployment": deployment,
    "ReplicaSet": replica_set,
    "StatefulSet": stateful_set,
    "DaemonSet": daemon_set,
    "Job": job,
    "Service": service,
    "Endpoints": endpoints,
    "EndpointSlice": endpoint_slice,
    "Event": event,
    "Node": node,
    "Namespace": namespace,
    "ConfigMap": config_map,
    "Secret": secret,
    "ServiceAccount": service_account,
    "PersistentVolumeClaim": claim,
    "PersistentVolume": volume,
    "StorageClass": storage_class,
    "Role": role,
    "ClusterRole": role,
    "RoleBinding": role_binding,
    "ClusterRoleBinding": role_binding,
    "CustomResourceDefinition": custom_resource_definition,
    "Lease": lease,
    "MutatingWebhookConfiguration": webhook_configuration,
    "ValidatingWebhookConfiguration": webhook_configuration,
}
