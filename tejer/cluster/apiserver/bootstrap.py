"""What every cluster has from its first start: namespaces, default roles, the Service `kubernetes`."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network

from tejer.cluster.apiserver.auth.bootstrap import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NAMESPACES
from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body, metadata, name_of, namespace_of
from tejer.kube.types import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    ENDPOINTSLICES,
    EVENTS,
    SERVICES,
    ResourceType,
)
from tejer.kube.types import NAMESPACES as NAMESPACE_TYPE

EVENT_LIFE = timedelta(hours=1)


async def bootstrap(api: Api) -> None:
    """Create what is missing, and bring default roles to this version's rules. Idempotent."""
    for name in NAMESPACES:
        await _ensure(api, NAMESPACE_TYPE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for role in CLUSTER_ROLES:
        await _ensure(api, CLUSTERROLES, role, ("rules", "aggregationRule"))
    for binding in CLUSTER_ROLE_BINDINGS:
        await _ensure(api, CLUSTERROLEBINDINGS, binding)


async def _ensure(api: Api, rtype: ResourceType, wanted: Body, fields: tuple[str, ...] = ()) -> None:
    """Create `wanted`, or set those of its `fields` that differ."""
    try:
        found = await api.get(rtype, name_of(wanted), namespace_of(wanted))
    except ApiError as error:
        if error.code != 404:
            raise
        await api.create(rtype, wanted, namespace_of(wanted))
        return
    changes = {field: wanted[field] for field in fields if field in wanted and found.get(field) != wanted[field]}
    if changes:
        await api.update(rtype, {**found, **changes})


async def advertise(api: Api, service_cidr: str, host: str, port: int) -> None:
    """`default/kubernetes`: the first address of `service_cidr`, its one endpoint the API server at `host`:`port`."""
    meta = {"name": "kubernetes", "namespace": "default"}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service: Body = {
        "apiVersion": "v1", "kind": "Service", "metadata": {**meta, "labels": labels},
        "spec": {"type": "ClusterIP", "ports": [{"name": "https", "port": 443, "targetPort": port, "protocol": "TCP"}]},
    }  # fmt: skip
    service["spec"]["clusterIP"] = str(ip_network(service_cidr)[1])
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
    }  # fmt: skip
    await _ensure(api, SERVICES, service)
    await _ensure(api, ENDPOINTSLICES, endpoints, ("ports", "endpoints"))


async def expire_events(api: Api, now: datetime) -> None:
    """Delete Events last seen more than an hour ago."""
    limit = (now - EVENT_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
    for event in (await api.list(EVENTS)).items:
        seen = event.get("lastTimestamp") or event.get("eventTime") or metadata(event).get("creationTimestamp") or ""
        if str(seen) < limit:
            await api.delete(EVENTS, name_of(event), namespace_of(event))
