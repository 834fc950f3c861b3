"""EndpointSlices, and the legacy Endpoints, of Services with a selector.

Source: kube-controller-manager `pkg/controller/{endpointslice,endpoint}` and `staging/.../endpointslice/reconciler.go`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.pods import has_ended, is_ready, is_terminating
from tejer.cluster.controllers.world import World, owner_reference
from tejer.cluster.controllers.writes import Create, Delete, Update, Write
from tejer.kube.resource import Body, Change, Key, metadata, name_of, namespace_of
from tejer.kube.types import ENDPOINTS, ENDPOINTSLICES, PODS, SERVICES

SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_OURS = "endpointslice-controller.k8s.io"
_HEADLESS = "service.kubernetes.io/headless"
_MAX_ENDPOINTS = 100


class _Group(NamedTuple):
    """Endpoints that answer on the same ports."""

    ports: list[Body]
    endpoints: list[Body]


def keys(world: World, change: Change) -> Iterable[Key]:
    """Services themselves, those of a slice, and those that select a pod (before or after the change)."""
    group, resource, namespace, name = change.key
    if (group, resource) == (SERVICES.group, SERVICES.plural):
        return [change.key]
    if (group, resource) == (ENDPOINTS.group, ENDPOINTS.plural):
        return [SERVICES.key(namespace, name)]
    if (group, resource) == (ENDPOINTSLICES.group, ENDPOINTSLICES.plural):
        labels = metadata(change.new or change.old or {}).get("labels") or {}
        return [SERVICES.key(namespace, labels[SERVICE_LABEL])] if SERVICE_LABEL in labels else []
    if (group, resource) != (PODS.group, PODS.plural):
        return []
    labels = [metadata(body).get("labels") or {} for body in (change.old, change.new) if body is not None]
    services = world.all(SERVICES, namespace)
    return [SERVICES.key_of(one) for one in services if any(_selects(one, found) for found in labels)]


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    service = world.get(key)
    if service is None or metadata(service).get("deletionTimestamp"):
        return _without_service(world, key) if service is None else []
    spec = service.get("spec") or {}
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return []
    pods = [pod for pod in world.all(PODS, key.namespace) if _selects(service, _labels(pod)) and _has_address(pod)]
    pods.sort(key=name_of)
    return _slices(world, service, _grouped(service, pods)) + _endpoints(world, service, pods)


def _selects(service: Body, labels: Body) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def _labels(body: Body) -> Body:
    return metadata(body).get("labels") or {}


def _has_address(pod: Body) -> bool:
    return bool((pod.get("status") or {}).get("podIP")) and not has_ended(pod)


def _without_service(world: World, key: Key) -> list[Write]:
    """Slices go with their owner (garbage collection); Endpoints have none and are deleted here."""
    endpoints = world.get(ENDPOINTS.key(key.namespace, key.name))
    if endpoints is None or metadata(endpoints).get("deletionTimestamp"):
        return []
    return [Delete(rtype=ENDPOINTS, key=ENDPOINTS.key_of(endpoints), uid=metadata(endpoints)["uid"])]


def _grouped(service: Body, pods: list[Body]) -> list[_Group]:
    """Pods by the ports that named target ports resolve to in them; at least one group, maybe empty."""
    found: defaultdict[str, _Group] = defaultdict(lambda: _Group([], []))
    for pod in pods:
        ports = _ports(service, pod)
        group = found[repr(ports)]
        group.ports[:] = ports
        group.endpoints.append(_endpoint(service, pod))
    return [found[name] for name in sorted(found)] or [_Group([], [])]


def _ports(service: Body, pod: Body) -> list[Body]:
    spec = service["spec"]
    if spec.get("clusterIP") == "None" and not spec.get("ports"):
        return []
    ports = []
    for port in spec.get("ports") or ():
        number = _target(port, pod)
        if number is None:
            continue
        entry = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
        if port.get("appProtocol"):
            entry["appProtocol"] = port["appProtocol"]
        ports.append(entry)
    return ports


def _target(port: Body, pod: Body) -> int | None:
    target: Any = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    spec = pod.get("spec") or {}
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for offered in container.get("ports") or ():
            same_protocol = offered.get("protocol", "TCP") == port.get("protocol", "TCP")
            if offered.get("name") == target and same_protocol:
                return int(offered["containerPort"])
    return None


def _endpoint(service: Body, pod: Body) -> Body:
    ready, terminating = is_ready(pod), is_terminating(pod)
    unready_too = bool(service["spec"].get("publishNotReadyAddresses"))
    spec = pod.get("spec") or {}
    entry: Body = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": unready_too or (ready and not terminating), "serving": ready,
                       "terminating": terminating},
        "targetRef": _target_ref(pod),
    }  # fmt: skip
    if spec.get("nodeName"):
        entry["nodeName"] = spec["nodeName"]
    if spec.get("hostname") and spec.get("subdomain") == name_of(service):
        entry["hostname"] = spec["hostname"]
    return entry


def _target_ref(pod: Body) -> Body:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": metadata(pod)["uid"]}


def _slices(world: World, service: Body, groups: list[_Group]) -> list[Write]:
    """Fill existing slices first, then make new ones; delete what is left over."""
    uid = metadata(service)["uid"]
    existing = [
        body for body in world.owned(ENDPOINTSLICES, uid)
        if _labels(body).get(MANAGED_BY) == _OURS and not metadata(body).get("deletionTimestamp")
    ]  # fmt: skip
    chunks = [
        _Group(group.ports, group.endpoints[start : start + _MAX_ENDPOINTS])
        for group in groups
        for start in range(0, max(len(group.endpoints), 1), _MAX_ENDPOINTS)
    ]
    writes: list[Write] = []
    for chunk, body in zip(chunks, existing, strict=False):
        wanted = {**body, "endpoints": chunk.endpoints, "ports": chunk.ports}
        wanted["metadata"] = {**metadata(body), "labels": {**_labels(body), **_slice_labels(service)}}
        if _differs(body, wanted):
            writes.append(Update(rtype=ENDPOINTSLICES, body=wanted))
    writes += [_new_slice(service, chunk) for chunk in chunks[len(existing) :]]
    writes += [
        Delete(rtype=ENDPOINTSLICES, key=ENDPOINTSLICES.key_of(body), uid=metadata(body)["uid"])
        for body in existing[len(chunks) :]
    ]
    return writes


def _differs(before: Body, after: Body) -> bool:
    return any((before.get(field) or []) != after[field] for field in ("endpoints", "ports")) or (
        _labels(before) != _labels(after)
    )


def _slice_labels(service: Body) -> Body:
    labels = {**_labels(service), SERVICE_LABEL: name_of(service), MANAGED_BY: _OURS}
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    return labels


def _new_slice(service: Body, chunk: _Group) -> Create:
    body: Body = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{name_of(service)}-", "namespace": namespace_of(service),
            "labels": _slice_labels(service), "ownerReferences": [owner_reference(SERVICES, service)],
        },
        "addressType": "IPv4", "endpoints": chunk.endpoints, "ports": chunk.ports,
    }  # fmt: skip
    return Create(rtype=ENDPOINTSLICES, body=body)


def _endpoints(world: World, service: Body, pods: list[Body]) -> list[Write]:
    current = world.get(ENDPOINTS.key(namespace_of(service), name_of(service)))
    subsets = _subsets(service, pods)
    labels = {**_labels(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    if current is None:
        meta = {"name": name_of(service), "namespace": namespace_of(service), "labels": labels}
        body: Body = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta}
        return [Create(rtype=ENDPOINTS, body={**body, "subsets": subsets} if subsets else body)]
    if (current.get("subsets") or []) == subsets and labels.items() <= _labels(current).items():
        return []
    body = {name: value for name, value in current.items() if name != "subsets"}
    body["metadata"] = {**metadata(current), "labels": {**_labels(current), **labels}}
    return [Update(rtype=ENDPOINTS, body={**body, "subsets": subsets} if subsets else body)]


def _subsets(service: Body, pods: list[Body]) -> list[Body]:
    found: defaultdict[str, Body] = defaultdict(dict)
    unready_too = bool(service["spec"].get("publishNotReadyAddresses"))
    for pod in pods:
        if is_terminating(pod) and not unready_too:
            continue
        ports = _ports(service, pod)
        subset = found[repr(ports)]
        address: Body = {"ip": pod["status"]["podIP"], "targetRef": _target_ref(pod)}
        if (pod.get("spec") or {}).get("nodeName"):
            address["nodeName"] = pod["spec"]["nodeName"]
        side = "addresses" if is_ready(pod) or unready_too else "notReadyAddresses"
        subset.setdefault(side, []).append(address)
        if ports:
            subset["ports"] = ports
    return [found[name] for name in sorted(found)]


CONTROLLER = Controller(name="endpointslice-controller", keys=keys, reconcile=reconcile)
