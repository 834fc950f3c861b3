"""EnvoyFilter: patches of the generated Envoy configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import PolicyTargetReference
from tejer.kube.kinds.istio.sidecar import WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import CHECKED_PORT, INT32, UINT32, enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class ClusterMatch(Kind, frozen=True, kw_only=True):
    """Clusters to patch."""

    name: str = ""
    port_number: Annotated[int | None, UINT32] = None
    service: str = ""
    subset: str = ""


class SubFilterMatch(Kind, frozen=True, kw_only=True):
    """A filter within the HTTP connection manager."""

    name: str = ""


class FilterMatch(Kind, frozen=True, kw_only=True):
    """A filter of a filter chain."""

    name: str = ""
    sub_filter: SubFilterMatch | None = None


class FilterChainMatch(Kind, frozen=True, kw_only=True):
    """Filter chains to patch."""

    application_protocols: str = ""
    destination_port: Annotated[int | None, UINT32] = None
    filter: FilterMatch | None = None
    name: str = ""
    sni: str = ""
    transport_protocol: str = ""
    transport_socket: str = ""


class ListenerMatch(Kind, frozen=True, kw_only=True):
    """Listeners to patch."""

    filter_chain: FilterChainMatch | None = None
    listener_filter: str = ""
    name: str = ""
    port_name: str = ""
    port_number: Annotated[int | None, UINT32] = None


class ProxyMatch(Kind, frozen=True, kw_only=True):
    """Proxies to patch, by version and metadata."""

    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    proxy_version: str = ""


class RouteMatch(Kind, frozen=True, kw_only=True):
    """Routes to patch."""

    action: Annotated[str, enum("ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE")] = ""
    name: str = ""


class VirtualHostMatch(Kind, frozen=True, kw_only=True):
    """Virtual hosts to patch."""

    domain_name: str = ""
    name: str = ""
    route: RouteMatch | None = None


class RouteConfigurationMatch(Kind, frozen=True, kw_only=True):
    """Route configurations to patch."""

    gateway: str = ""
    name: str = ""
    port_name: str = ""
    port_number: Annotated[int | None, UINT32] = None
    vhost: VirtualHostMatch | None = None


class WaypointRouteMatch(Kind, frozen=True, kw_only=True):
    """Routes of a waypoint to patch."""

    name: str = ""


class WaypointMatch(Kind, frozen=True, kw_only=True):
    """Parts of a waypoint to patch."""

    filter: FilterMatch | None = None
    port_number: Annotated[int | None, CHECKED_PORT] = None
    route: WaypointRouteMatch | None = None


class EnvoyConfigObjectMatch(Kind, frozen=True, kw_only=True):
    """Where a patch applies."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        one_of=(("listener", "routeConfiguration", "cluster", "waypoint"),),
        rules=(
            rule(
                'has(self.context) ? ((self.context == "WAYPOINT") ? has(self.waypoint) : '
                "!has(self.waypoint)) : !has(self.waypoint)",
                "only support waypointMatch when context is WAYPOINT",
            ),
        ),
    )

    cluster: ClusterMatch | None = None
    context: Annotated[str, enum("ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT")] = ""
    listener: ListenerMatch | None = None
    proxy: ProxyMatch | None = None
    route_configuration: RouteConfigurationMatch | None = None
    waypoint: WaypointMatch | None = None


class Patch(Kind, frozen=True, kw_only=True):
    """What is done to the matched object."""

    filter_class: Annotated[str, enum("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS")] = ""
    operation: Annotated[
        str,
        enum(
            "INVALID",
            "MERGE",
            "ADD",
            "REMOVE",
            "INSERT_BEFORE",
            "INSERT_AFTER",
            "INSERT_FIRST",
            "REPLACE",
            "MERGE_AND_REPLACE_LIST",
        ),
    ] = ""
    value: Annotated[dict[str, Any], schema(preserve_unknown=True)] = msgspec.field(default_factory=dict)


class EnvoyConfigObjectPatch(Kind, frozen=True, kw_only=True):
    """One patch and where it applies."""

    apply_to: Annotated[
        str,
        enum(
            "INVALID",
            "LISTENER",
            "FILTER_CHAIN",
            "NETWORK_FILTER",
            "HTTP_FILTER",
            "ROUTE_CONFIGURATION",
            "VIRTUAL_HOST",
            "HTTP_ROUTE",
            "CLUSTER",
            "EXTENSION_CONFIG",
            "BOOTSTRAP",
            "LISTENER_FILTER",
        ),
    ] = ""
    match: EnvoyConfigObjectMatch | None = None
    patch: Patch | None = None


class EnvoyFilterSpec(Kind, frozen=True, kw_only=True):
    """Patches in order, and the workloads they are for."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "(has(self.workloadSelector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
                "only one of targetRefs or workloadSelector can be set",
            ),
        )
    )

    config_patches: tuple[EnvoyConfigObjectPatch, ...] = ()
    priority: Annotated[int | None, INT32] = None
    target_refs: Annotated[tuple[PolicyTargetReference, ...], schema(max_items=16)] = ()
    workload_selector: WorkloadSelector | None = None


class EnvoyFilter(Kind, frozen=True, kw_only=True):
    """Patches of the generated Envoy configuration."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: EnvoyFilterSpec = EnvoyFilterSpec()
    status: IstioStatus = IstioStatus()
