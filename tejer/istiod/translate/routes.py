"""RDS: route configurations and virtual hosts. Sources: core/httproute.go, `istio.md` X7-X9, N10-N13, O6, V24-V28."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tejer.envoy.proto import (
    Decorator,
    DirectResponseAction,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
    boolean,
    seconds,
    u32,
)
from tejer.istiod.model.service import Service
from tejer.istiod.model.settings import DYNAMIC_DNS, REGISTRY_ONLY
from tejer.istiod.translate import names

MAX_DIRECT_RESPONSE = 1024 * 1024


def configuration(name: str, hosts: Iterable[VirtualHost] = ()) -> RouteConfiguration:
    return RouteConfiguration(
        name=name,
        virtual_hosts=hosts,
        validate_clusters=boolean(False),
        max_direct_response_body_size_bytes=u32(MAX_DIRECT_RESPONSE),
        ignore_port_in_host_matching=True,
    )


def join(name: str, hosts: Sequence[bytes]) -> bytes:
    """A serialized RouteConfiguration around virtual hosts that are serialized already."""
    parts = [configuration(name).SerializeToString(deterministic=True)]
    for host in hosts:
        parts += (_VIRTUAL_HOSTS_TAG, _varint(len(host)), host)
    return b"".join(parts)


_VIRTUAL_HOSTS_TAG = bytes(((2 << 3) | 2,))  # field 2, length-delimited


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def catch_all(mode: str) -> VirtualHost:
    """What happens to a Host that nothing else claims: on to where it was going, to its own address, or 502."""
    if mode == REGISTRY_ONLY:
        route = Route(
            name=names.BLOCK_ALL, match=RouteMatch(prefix="/"), direct_response=DirectResponseAction(status=502)
        )
    else:
        dynamic = mode == DYNAMIC_DNS
        action = RouteAction(
            cluster=names.DYNAMIC_DNS if dynamic else names.PASSTHROUGH,
            timeout=seconds(0),
            max_stream_duration=grpc_limit(0),
        )
        name = names.ALLOW_ANY_DYNAMIC_DNS if dynamic else names.ALLOW_ANY
        route = Route(name=name, match=RouteMatch(prefix="/"), route=action)
    return VirtualHost(name=route.name, domains=["*"], routes=[route], include_request_attempt_count=True)


def grpc_limit(timeout: float) -> RouteAction.MaxStreamDuration:
    """A gRPC caller's own deadline counts, up to `timeout` seconds (0: without a limit).

    Only for routes without a timeout: Envoy ignores `RouteAction.timeout` of a route that has this.
    """
    return RouteAction.MaxStreamDuration(grpc_timeout_header_max=seconds(timeout))


def domains(service: Service, namespace: str, domain: str) -> list[str]:
    """Every name by which a proxy of `namespace` may call a service; ports in Host are ignored (X7)."""
    found = [service.hostname] if service.from_entry else _kubernetes_names(service.hostname, namespace, domain)
    for alias in service.aliases:
        found += _kubernetes_names(alias, namespace, domain)
    found += (address for address in service.addresses if "/" not in address)
    if service.headless:
        found += [f"*.{name}" for name in found if not name.startswith("*") and not name.endswith(".")]
    return [_bracketed(name) for name in dict.fromkeys(found)]


def _kubernetes_names(hostname: str, namespace: str, domain: str) -> list[str]:
    """`name.ns.svc.domain` in all the forms that the resolver's search list allows in `namespace`."""
    stem, found, _ = hostname.partition(f".svc.{domain}")
    name, dot, own = stem.partition(".")
    if not found or not dot:
        return [hostname]
    short = [name] if own == namespace else []
    return [hostname, hostname + ".", *short, stem, f"{stem}.svc"]


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def decorator(host: str, port: int, path: str = "/*") -> Decorator:
    return Decorator(operation=f"{host}:{port}{path}")
