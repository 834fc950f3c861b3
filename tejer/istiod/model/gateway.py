"""Gateways: the servers of every Gateway object that selects a workload, merged port by port.

Source: pilot/pkg/model/gateway.go `mergeGateways`, `istio.md` G1-G8. A server that cannot live with those before it
(older first) is skipped and reported; the others are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from tejer.istiod.model.config import Config, selects
from tejer.istiod.model.hosts import resolve, split_gateway_host
from tejer.istiod.model.service import HTTP_PROTOCOLS, HTTPS, TLS, TLS_PROTOCOLS
from tejer.kube.kinds.istio_networking import GatewaySpec, Server
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Key

Gateway = Config[GatewaySpec]
PASSTHROUGH_MODES = ("PASSTHROUGH", "AUTO_PASSTHROUGH")
PRIVILEGED_BELOW = 1024


class GatewayServer(msgspec.Struct, frozen=True, kw_only=True):
    """One server as it will listen: `port` is the workload's, `hosts` are `(namespace or "*", host)`."""

    port: int
    bind: str
    protocol: str
    route: str
    gateway: str
    source: Key
    created: str
    hosts: tuple[tuple[str, str], ...]
    server: Server

    @property
    def declared_port(self) -> int:
        """The port that the Gateway names; `port` is the one behind it in the gateway's Service."""
        declared = self.server.port
        return declared.number if declared and declared.number else self.port

    @property
    def is_http(self) -> bool:
        return self.protocol in HTTP_PROTOCOLS

    @property
    def terminates_tls(self) -> bool:
        tls = self.server.tls
        return self.protocol in TLS_PROTOCOLS and tls is not None and tls.mode not in PASSTHROUGH_MODES

    @property
    def is_https(self) -> bool:
        """HTTP after the gateway has terminated TLS."""
        return self.protocol == HTTPS and self.terminates_tls

    @property
    def redirects(self) -> bool:
        return bool(self.server.tls and self.server.tls.https_redirect)


class Merged(msgspec.Struct, frozen=True):
    servers: tuple[GatewayServer, ...]
    problems: tuple[Problem, ...]


def normal_protocol(text: str) -> str:
    """The protocol word as the model writes it: `http` -> `HTTP`, `GRPC-Web` -> `GRPC-WEB`, `mongo` -> `Mongo`."""
    upper = text.upper()
    return {"MONGO": "Mongo", "MYSQL": "MySQL", "REDIS": "Redis"}.get(upper, upper)


def applies(gateway: Gateway, labels: Mapping[str, str]) -> bool:
    return selects(gateway.spec.selector, labels)


def merge(gateways: Iterable[Gateway], targets: Mapping[int, tuple[int, ...]], *, unprivileged: bool) -> Merged:
    """`targets` maps a service port of the gateway's own Services to the workload ports behind it."""
    merger = _Merger(unprivileged)
    for gateway in sorted(gateways, key=lambda config: config.age):
        for index, server in enumerate(gateway.spec.servers):
            number = server.port.number if server.port and server.port.number else 0
            for port in targets.get(number) or (number,):
                merger.add(gateway, index, server, port)
    return Merged(tuple(merger.servers), tuple(merger.problems))


class _Merger:
    def __init__(self, unprivileged: bool) -> None:
        self.unprivileged = unprivileged
        self.servers: list[GatewayServer] = []
        self.problems: list[Problem] = []

    def add(self, gateway: Gateway, index: int, server: Server, port: int) -> None:
        found = _server(gateway, server, port)
        reason = self._conflict(found)
        if reason:
            self.problems.append(
                Problem(
                    severity=Severity.ERROR, key=gateway.key, kind="Gateway", field=f"spec.servers[{index}]",
                    message=f"server is left out: {reason}", hint="give it another port, name or host",
                )
            )  # fmt: skip
        else:
            self.servers.append(found)

    def _conflict(self, new: GatewayServer) -> str:
        if not new.port:
            return "it has no port number"
        if self.unprivileged and new.port < PRIVILEGED_BELOW:
            return f"an unprivileged gateway cannot listen on port {new.port}"
        for old in self.servers:
            if old.port != new.port or old.bind != new.bind:
                continue
            if not _compatible(old.protocol, new.protocol):
                return f"port {new.port} already speaks {old.protocol} for Gateway {old.gateway}"
            if new.is_https and old.route == new.route:
                return f"port name {new.server.port.name if new.server.port else ''!r} is used twice on port {new.port}"
            if new.protocol in TLS_PROTOCOLS and (shared := _shared(old, new)):
                return f"host {shared} on port {new.port} already belongs to Gateway {old.gateway}"
            if not new.is_http and new.protocol not in TLS_PROTOCOLS:
                return f"port {new.port} already belongs to Gateway {old.gateway}"
        return ""


def _shared(old: GatewayServer, new: GatewayServer) -> str:
    names = {host for _, host in old.hosts}
    return next((host for _, host in new.hosts if host in names), "")


def _compatible(old: str, new: str) -> bool:
    return (old in HTTP_PROTOCOLS) == (new in HTTP_PROTOCOLS) and (old in TLS_PROTOCOLS) == (new in TLS_PROTOCOLS)


def _server(gateway: Gateway, server: Server, port: int) -> GatewayServer:
    declared = server.port
    protocol = normal_protocol(declared.protocol if declared else "")
    if protocol == HTTPS and server.tls is not None and server.tls.mode in PASSTHROUGH_MODES:
        protocol = TLS
    bind = f".{server.bind}" if server.bind else ""
    route = ""
    if protocol in HTTP_PROTOCOLS:
        route = f"http.{port}{bind}"
    elif protocol == HTTPS:
        number, name = (declared.number, declared.name) if declared else (port, "")
        route = f"https.{number}.{name}.{gateway.name}.{gateway.namespace}{bind}"
    hosts = (split_gateway_host(host, gateway.namespace) for host in server.hosts)
    return GatewayServer(
        port=port,
        bind=server.bind,
        protocol=protocol,
        route=route,
        gateway=f"{gateway.namespace}/{gateway.name}",
        source=gateway.key,
        created=gateway.created,
        hosts=tuple((where, host.lower()) for where, host in hosts),
        server=server,
    )


def resolved(gateway: Gateway, domain: str) -> Gateway:
    """Short host names spelled out (`istio.md` V30 holds for Gateways too)."""

    def full(text: str) -> str:
        where, slash, host = text.rpartition("/")
        return f"{where}{slash}{resolve(host, gateway.namespace, domain)}"

    servers = tuple(replace(server, hosts=tuple(full(h) for h in server.hosts)) for server in gateway.spec.servers)
    return replace(gateway, spec=replace(gateway.spec, servers=servers))
