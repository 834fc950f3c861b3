"""`Service`: one host of the mesh, from a Kubernetes Service or a ServiceEntry, and how its ports are spoken to.

Sources: pkg/config/kube/conversion.go (protocol selection, `istio.md` X1), serviceentry/conversion.go (S1-S8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from tejer.istiod.model.config import Config
from tejer.istiod.model.hosts import is_ip
from tejer.kube.kinds.istio_networking import ServiceEntrySpec, WorkloadEntrySpec
from tejer.kube.resource import Body, Key, metadata

HTTP, HTTP2, GRPC, GRPC_WEB = "HTTP", "HTTP2", "GRPC", "GRPC-WEB"
HTTPS, TLS, TCP, MONGO, MYSQL, REDIS, UDP = "HTTPS", "TLS", "TCP", "Mongo", "MySQL", "Redis", "UDP"
SNIFF = ""
HTTP_PROTOCOLS = frozenset({HTTP, HTTP2, GRPC, GRPC_WEB})
HTTP2_PROTOCOLS = frozenset({HTTP2, GRPC, GRPC_WEB})
TLS_PROTOCOLS = frozenset({HTTPS, TLS})

EDS, DNS, DNS_ROUND_ROBIN, PASSTHROUGH = "EDS", "DNS", "DNS_ROUND_ROBIN", "PASSTHROUGH"

_BY_NAME = {
    "http": HTTP, "http2": HTTP2, "grpc": GRPC, "grpc-web": GRPC_WEB, "https": HTTPS, "tls": TLS, "tcp": TCP,
    "mongo": MONGO, "mysql": MYSQL, "redis": REDIS, "udp": UDP,
}  # fmt: skip
_BY_APP_PROTOCOL = {"kubernetes.io/h2c": HTTP2, "kubernetes.io/ws": HTTP, "kubernetes.io/wss": HTTPS}
_SERVER_FIRST_PORTS = frozenset({25, 53, 3306, 27017})
_RESOLUTIONS = {"": PASSTHROUGH, "NONE": PASSTHROUGH, "STATIC": EDS, "DNS": DNS, "DNS_ROUND_ROBIN": DNS_ROUND_ROBIN}


class Port(msgspec.Struct, frozen=True):
    """A service port. `target` is the workload's port: a number, or the name of a container port."""

    number: int
    name: str = ""
    protocol: str = SNIFF
    target: int | str = 0

    @property
    def is_http(self) -> bool:
        return self.protocol in HTTP_PROTOCOLS

    @property
    def is_http2(self) -> bool:
        return self.protocol in HTTP2_PROTOCOLS

    @property
    def is_tls(self) -> bool:
        return self.protocol in TLS_PROTOCOLS

    @property
    def sniffed(self) -> bool:
        return self.protocol == SNIFF


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One host name as declared in one namespace. `addresses` are its VIPs (CIDRs for some ServiceEntries).

    `aliases` are the host names of ExternalName Services that stand for it; `parts` the keys of those joined in it.
    """

    hostname: str
    name: str
    namespace: str
    source: Key
    created: str = ""
    addresses: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    resolution: str = EDS
    headless: bool = False
    external: bool = False
    from_entry: bool = False
    export_to: tuple[str, ...] = ()
    selector: dict[str, str] = {}
    sans: tuple[str, ...] = ()
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    path: str = ""
    aliases: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """Several ServiceEntries of a namespace may share a host, so theirs has the entry's name too."""
        own = (self.hostname, self.namespace)
        return (*own, self.source.name) if self.from_entry else own

    @property
    def age(self) -> tuple[str, str, str]:
        return (self.created, self.name, self.namespace)

    def port(self, number: int) -> Port | None:
        return next((port for port in self.ports if port.number == number), None)


def join(services: Sequence[Service]) -> Service:
    """Services of one host and namespace as one: all their ports and addresses, the oldest wins what they share."""
    first, *others = sorted(services, key=lambda service: service.age)
    if not others:
        return first
    ports: dict[int, Port] = {}
    for service in (first, *others):
        for port in service.ports:
            ports.setdefault(port.number, port)
    return replace(
        first,
        ports=tuple(ports.values()),
        addresses=tuple(dict.fromkeys(address for service in (first, *others) for address in service.addresses)),
        sans=tuple(dict.fromkeys(san for service in (first, *others) for san in service.sans)),
        parts=tuple(service.key for service in (first, *others)),
    )


def protocol_of(number: int, name: str, app_protocol: str = "", transport: str = "TCP") -> str:
    """Istio's protocol selection: appProtocol, then the port name up to its first `-`, else sniffed."""
    if transport == "UDP":
        return UDP
    if app_protocol:
        lowered = app_protocol.lower()
        found = _BY_APP_PROTOCOL.get(lowered) or _BY_NAME.get(lowered)
        if found:
            return found
    lowered = name.lower()
    if lowered == "grpc-web" or lowered.startswith("grpc-web-"):
        return GRPC_WEB
    if found := _BY_NAME.get(lowered.partition("-")[0]):
        return found
    return TCP if number in _SERVER_FIRST_PORTS else SNIFF


def kube_service(key: Key, body: Body, domain: str) -> Service | None:
    """The Service of a Kubernetes Service; None for an ExternalName, which is only another name for its target."""
    spec, meta = body.get("spec") or {}, metadata(body)
    if spec.get("type") == "ExternalName":
        return None
    addresses = [a for a in spec.get("clusterIPs") or [spec.get("clusterIP")] if a and a != "None"]
    annotations = meta.get("annotations") or {}
    export_to = annotations.get("networking.istio.io/exportTo", "")
    return Service(
        hostname=f"{key.name}.{key.namespace}.svc.{domain}",
        name=key.name,
        namespace=key.namespace,
        source=key,
        created=str(meta.get("creationTimestamp") or ""),
        addresses=tuple(str(address) for address in addresses),
        ports=tuple(_kube_port(port) for port in spec.get("ports") or () if port.get("protocol", "TCP") == "TCP"),
        headless=spec.get("clusterIP") == "None",
        export_to=tuple(part.strip() for part in export_to.split(",") if part.strip()),
        selector=spec.get("selector") or {},
    )


class Alias(msgspec.Struct, frozen=True):
    """An ExternalName Service: `hostname` is another name for the host `target`."""

    hostname: str
    target: str
    namespace: str

    @property
    def key(self) -> str:
        return self.hostname


def kube_alias(key: Key, body: Body, domain: str) -> Alias | None:
    spec = body.get("spec") or {}
    if spec.get("type") != "ExternalName" or not spec.get("externalName"):
        return None
    return Alias(f"{key.name}.{key.namespace}.svc.{domain}", str(spec["externalName"]).lower(), key.namespace)


def _kube_port(port: dict[str, Any]) -> Port:
    number, name = int(port["port"]), str(port.get("name") or "")
    protocol = protocol_of(number, name, str(port.get("appProtocol") or ""))
    return Port(number, name, protocol, port.get("targetPort") or number)


def entry_services(config: Config[ServiceEntrySpec]) -> list[Service]:
    """One Service per host of a ServiceEntry."""
    spec = config.spec
    ports = tuple(
        Port(
            port.number or 0,
            port.name,
            protocol_of(port.number or 0, port.protocol or port.name, port.protocol),
            port.target_port or port.number or 0,
        )
        for port in spec.ports
    )
    selector = spec.workload_selector.labels if spec.workload_selector else {}
    return [
        Service(
            hostname=host.lower(),
            name=host.lower(),
            namespace=config.namespace,
            source=config.key,
            created=config.created,
            addresses=tuple(a for a in spec.addresses if is_ip(a)),
            ports=ports,
            resolution=_RESOLUTIONS.get(spec.resolution, EDS),
            external=spec.location != "MESH_INTERNAL",
            from_entry=True,
            export_to=spec.export_to,
            selector=selector,
            sans=spec.subject_alt_names,
            endpoints=spec.endpoints,
            path=config.path,
        )
        for host in spec.hosts
    ]
