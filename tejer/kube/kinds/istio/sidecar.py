"""Sidecar: what a workload's proxy accepts and reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.destination_rule import ConnectionPoolSettings
from tejer.kube.kinds.istio.gateway import ServerTLSSettings
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.istio.virtual_service import Destination
from tejer.kube.kinds.keywords import UINT32, enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class WorkloadSelector(Kind, frozen=True, kw_only=True):
    """Workloads that carry all of these labels; none given selects every workload of the namespace."""

    labels: Annotated[
        dict[
            str,
            Annotated[
                str,
                schema(max_length=63, rules=(rule('!self.contains("*")', "wildcard is not supported in selector"),)),
            ],
        ],
        schema(max_properties=256),
    ] = msgspec.field(default_factory=dict)


class SidecarPort(Kind, frozen=True, kw_only=True):
    """A port the proxy listens on."""

    name: str = ""
    number: Annotated[int | None, UINT32] = None
    protocol: str = ""
    target_port: Annotated[int | None, UINT32] = None


class IstioEgressListener(Kind, frozen=True, kw_only=True):
    """Hosts reachable from the workload, optionally through one port only."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("hosts",))

    bind: str = ""
    capture_mode: Annotated[str, enum("DEFAULT", "IPTABLES", "NONE")] = ""
    hosts: tuple[str, ...] = ()
    port: SidecarPort | None = None


class IstioIngressListener(Kind, frozen=True, kw_only=True):
    """A port of the workload and where its traffic goes."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("port",))

    bind: str = ""
    capture_mode: Annotated[str, enum("DEFAULT", "IPTABLES", "NONE")] = ""
    connection_pool: ConnectionPoolSettings | None = None
    default_endpoint: str = ""
    port: SidecarPort | None = None
    tls: ServerTLSSettings | None = None


class OutboundTrafficPolicy(Kind, frozen=True, kw_only=True):
    """What happens to traffic to unknown hosts."""

    egress_proxy: Destination | None = None
    mode: Annotated[str, enum("REGISTRY_ONLY", "ALLOW_ANY")] = ""


class SidecarSpec(Kind, frozen=True, kw_only=True):
    """Listeners of a workload's proxy and what it may reach."""

    egress: tuple[IstioEgressListener, ...] = ()
    inbound_connection_pool: ConnectionPoolSettings | None = None
    ingress: tuple[IstioIngressListener, ...] = ()
    outbound_traffic_policy: OutboundTrafficPolicy | None = None
    workload_selector: WorkloadSelector | None = None


class Sidecar(Kind, frozen=True, kw_only=True):
    """What a workload's proxy accepts and reaches."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: SidecarSpec = SidecarSpec()
    status: IstioStatus = IstioStatus()
