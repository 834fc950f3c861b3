"""`ProxyView`: everything that a proxy's configuration may depend on. Equal views share one translation.

Times are in seconds, addresses without a port are text. Nothing here is read from anywhere else during translation.
"""

from __future__ import annotations

import msgspec

from tejer.envoy.identity import PeerSubject
from tejer.istiod.model.authn import PeerModes
from tejer.istiod.model.authz import PolicySet
from tejer.istiod.model.destination import EffectiveRule
from tejer.istiod.model.endpoints import EndpointSet
from tejer.istiod.model.gateway import GatewayServer
from tejer.istiod.model.node import SIDECAR
from tejer.istiod.model.service import Port, Service
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.model.sidecar import Sidecar
from tejer.istiod.model.telemetry import TelemetryView
from tejer.istiod.model.virtualservice import VirtualService
from tejer.kube.kinds.istio_networking import ConnectionPoolSettings, ServerTLSSettings


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """A service as one client sees it. `mesh_tls`: auto mTLS may be used (its policy is not DISABLE)."""

    service: Service
    endpoints: EndpointSet
    rule: EffectiveRule | None = None
    mesh_tls: bool = True


class InboundPort(msgspec.Struct, frozen=True, kw_only=True):
    """A port of the workload that a service stands before. `target` is the workload's own port number.

    Where a Sidecar's ingress listener declares it, `endpoint` is its `address:port` ("" is where the caller meant to
    go) and `tls` what the proxy ends there in place of mesh TLS when that is off.
    """

    service: Service
    port: Port
    target: int
    rule: EffectiveRule | None = None
    endpoint: str = ""
    tls: ServerTLSSettings | None = None
    pool: ConnectionPoolSettings | None = None


class InboundView(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in at a sidecar: one InboundPort per target port (the oldest service decides its protocol)."""

    ports: tuple[InboundPort, ...] = ()
    modes: PeerModes = PeerModes()


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's certificate. `name` is the credentialName; missing parts are b"". Never print one."""

    name: str
    certificate: bytes = b""
    key: bytes = b""
    ca: bytes = b""
    crl: bytes = b""

    def __repr__(self) -> str:
        return f"SecretView({self.name!r})"


class GatewayView(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway listens to and where it routes; `secrets` are those that its servers name and that exist."""

    servers: tuple[GatewayServer, ...] = ()
    virtual_services: tuple[VirtualService, ...] = ()
    secrets: tuple[SecretView, ...] = ()


class ProxyView(msgspec.Struct, frozen=True, kw_only=True):
    """`services` are those the proxy may call, oldest first; `policies` guard what comes in.

    Proxies of one `group` have the same services and VirtualServices, so what is made of these is shared.

    `own_address` is set only where something depends on it (a headless service that has the proxy itself as an
    endpoint, a Sidecar's ingress listener), so that replicas stay equal.
    """

    type: str = SIDECAR
    group: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    subject: PeerSubject = PeerSubject()
    own_address: str = ""
    mesh: MeshSettings = MeshSettings()
    services: tuple[ServiceView, ...] = ()
    virtual_services: tuple[VirtualService, ...] = ()
    sidecar: Sidecar | None = None
    inbound: InboundView = InboundView()
    gateway: GatewayView = GatewayView()
    policies: PolicySet = PolicySet()
    telemetry: TelemetryView = TelemetryView()
