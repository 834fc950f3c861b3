"""EndpointSlices for Endpoints that users made themselves, for Services without a selector.

Source: kube-controller-manager `pkg/controller/endpointslicemirroring`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.endpointslice import MANAGED_BY, SERVICE_LABEL
from tejer.cluster.controllers.world import World, owner_reference
from tejer.cluster.controllers.writes import Create, Delete, Update, Write
from tejer.kube.resource import Body, Change, Key, metadata, name_of, namespace_of
from tejer.kube.types import ENDPOINTS, ENDPOINTSLICES, SERVICES

_OURS = "endpointslicemirroring-controller.k8s.io"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
_CONTROLLED = "endpoints.kubernetes.io/managed-by"


def keys(world: World, change: Change) -> Iterable[Key]:
    """Endpoints; for a Service those of its name."""
    group, resource, namespace, name = change.key
    if not group and resource in (ENDPOINTS.plural, SERVICES.plural):
        return [ENDPOINTS.key(namespace, name)]
    return []


def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
    endpoints = world.get(key)
    if endpoints is None:
        return []  # their slices go by garbage collection
    uid = metadata(endpoints)["uid"]
    existing = [body for body in world.owned(ENDPOINTSLICES, uid) if not metadata(body).get("deletionTimestamp")]
    wanted = [_slice(endpoints, subset) for subset in _mirrored(world, endpoints)]
    writes: list[Write] = []
    for body, found in zip(wanted, existing, strict=False):
        if any(found.get(field) != body[field] for field in ("endpoints", "ports")):
            merged = {**found, "endpoints": body["endpoints"], "ports": body["ports"]}
            writes.append(Update(rtype=ENDPOINTSLICES, body=merged))
    writes += [Create(rtype=ENDPOINTSLICES, body=body) for body in wanted[len(existing) :]]
    writes += [
        Delete(rtype=ENDPOINTSLICES, key=ENDPOINTSLICES.key_of(body), uid=metadata(body)["uid"])
        for body in existing[len(wanted) :]
    ]
    return writes


def _mirrored(world: World, endpoints: Body) -> list[Body]:
    """The subsets to mirror: none where a controller made the Endpoints, or nothing needs them."""
    labels = metadata(endpoints).get("labels") or {}
    service = world.get(SERVICES.key(namespace_of(endpoints), name_of(endpoints)))
    skipped = labels.get(_SKIP) == "true" or _CONTROLLED in labels or metadata(endpoints).get("deletionTimestamp")
    if skipped or service is None or (service.get("spec") or {}).get("selector"):
        return []
    subsets = endpoints.get("subsets") or ()
    return [subset for subset in subsets if subset.get("addresses") or subset.get("notReadyAddresses")]


def _slice(endpoints: Body, subset: Body) -> Body:
    entries = [
        _entry(address, ready=ready)
        for field, ready in (("addresses", True), ("notReadyAddresses", False))
        for address in subset.get(field) or ()
    ]
    labels = {**(metadata(endpoints).get("labels") or {}), SERVICE_LABEL: name_of(endpoints), MANAGED_BY: _OURS}
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{name_of(endpoints)}-", "namespace": namespace_of(endpoints), "labels": labels,
            "ownerReferences": [owner_reference(ENDPOINTS, endpoints)],
        },
        "addressType": "IPv6" if ":" in entries[0]["addresses"][0] else "IPv4",
        "endpoints": entries,
        "ports": [{"name": "", "protocol": "TCP", **port} for port in subset.get("ports") or ()],
    }  # fmt: skip


def _entry(address: Body, *, ready: bool) -> Body:
    entry: Body = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for field in ("hostname", "nodeName", "targetRef"):
        if address.get(field):
            entry[field] = address[field]
    return entry


CONTROLLER = Controller(name="endpointslicemirroring-controller", keys=keys, reconcile=reconcile)
