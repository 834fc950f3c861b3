"""Gateways against the workloads, Services and Secrets they need, and against each other.

IST0101, 0138, 0145, 0161, 0162. Source: Istio's pkg/config/analysis/analyzers/gateway.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from tejer.istiod.checks import texts
from tejer.istiod.checks.world import Analyzer, Typed, World, found, selects
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import Gateway, Server
from tejer.kube.problem import Problem
from tejer.kube.types import GATEWAYS, PODS, SECRETS, SERVICES

DEFAULT_SELECTOR = {"istio": "ingressgateway"}
DEFAULT_PORTS = (15021, 80, 443, 8080, 8443, 31400, 15443)
CERTIFICATES = (("tls.crt", "tls.key"), ("cert", "key"))


def analyze_ports(world: World) -> Iterator[Problem]:
    """Each server's port must be a port, or a target port, of a Service that selects the gateway's pods."""
    for item in world.typed(GATEWAYS, Gateway):
        gateway: Gateway = item.value
        pods = [pod for pod in world.typed(PODS, core.Pod) if selects(gateway.spec.selector, _labels(pod))]
        open_ports = {port for pod in pods for port in _service_ports(world, pod)}
        if not pods:
            if gateway.spec.selector != DEFAULT_SELECTOR:
                yield _no_workload(item)
                continue
            open_ports = set(DEFAULT_PORTS)  # not among the objects at hand, but part of every installation
        for index, server in enumerate(gateway.spec.servers):
            if server.port is not None and server.port.number and server.port.number not in open_ports:
                yield found(
                    item.body, "IST0162",
                    f"The gateway is listening on a target port (port {server.port.number}) that is not defined in the "
                    f"Service associated with its workload instances (Pod selector {_text(gateway.spec.selector)}). "
                    "If you need to access the gateway port through the gateway Service, it will not be available.",
                    f"spec.servers[{index}].port",
                )  # fmt: skip


def _no_workload(item: Typed) -> Problem:
    selector = _text(item.value.spec.selector)
    return found(item.body, "IST0101", f'Referenced selector not found: "{selector}"', "spec.selector")


def _labels(pod: Typed) -> dict[str, str]:
    labels: dict[str, str] = pod.value.metadata.labels
    return labels


def _text(selector: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(selector.items()))


def _service_ports(world: World, pod: Typed) -> Iterator[int]:
    for item in world.typed(SERVICES, core.Service):
        spec: core.ServiceSpec = item.value.spec
        if item.namespace != pod.namespace or not spec.selector or not selects(spec.selector, _labels(pod)):
            continue
        for port in spec.ports:
            if port.protocol in ("", "TCP"):
                target = port.target_port
                yield port.port or 0
                yield target if isinstance(target, int) else _named_port(pod, target) or 0


def _named_port(pod: Typed, name: int | str | None) -> int | None:
    for container in pod.value.spec.containers:
        for port in container.ports:
            if name and port.name == name:
                number: int | None = port.container_port
                return number
    return None


def analyze_secrets(world: World) -> Iterator[Problem]:
    """Credentials must be Secrets in the namespace of the gateway's pods, with a usable pair."""
    secrets = {(item.namespace, item.name): item.value for item in world.typed(SECRETS, core.Secret)}
    for item in world.typed(GATEWAYS, Gateway):
        gateway: Gateway = item.value
        credentials = [
            (f"spec.servers[{index}].tls.credentialName", server.tls.credential_name)
            for index, server in enumerate(gateway.spec.servers)
            if server.tls is not None and server.tls.credential_name
        ]
        if not credentials:
            continue
        namespace = _pod_namespace(world, gateway)
        if namespace is None:
            yield _no_workload(item)
            continue
        for field, name in credentials:
            secret = secrets.get((namespace, name))
            if secret is None:
                yield found(item.body, "IST0101", f'Referenced credentialName not found: "{name}"', field)
            elif problem := _secret_problem(secret):
                yield found(
                    item.body, "IST0161",
                    f"The credential referenced by the Gateway {item.name} in namespace {namespace} is invalid: "
                    f"{problem}",
                    field,
                )  # fmt: skip


def _pod_namespace(world: World, gateway: Gateway) -> str | None:
    for pod in world.typed(PODS, core.Pod):
        if selects(gateway.spec.selector, _labels(pod)):
            return pod.namespace
    return world.istio_namespace if gateway.spec.selector == DEFAULT_SELECTOR else None


def _secret_problem(secret: core.Secret) -> str:
    data = {name: base64.b64encode(value.encode()).decode() for name, value in secret.string_data.items()} | secret.data
    for certificate, key in CERTIFICATES:
        if certificate in data or key in data:
            if not data.get(certificate) or not data.get(key):
                return f"{certificate} and {key} are both required"
            return _pem_problem(data[certificate], certificate) or _pem_problem(data[key], key)
    return "it has no certificate (tls.crt and tls.key)"


def _pem_problem(value: str, name: str) -> str:
    try:
        pem = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return f"{name} is not base64"
    return "" if b"-----BEGIN " in pem else f"{name} is not PEM"


def analyze_certificates(world: World) -> Iterator[Problem]:
    """One certificate on several gateways of one workload: HTTP/2 clients reuse a connection for the wrong gateway."""
    gateways = world.typed(GATEWAYS, Gateway)
    for item in gateways:
        rivals = [
            f"{other.namespace}/{other.name}"
            for other in gateways
            if other.body is not item.body
            and selects(item.value.spec.selector, other.value.spec.selector)
            and _certificates(item) & _certificates(other)
        ]
        if rivals:
            yield found(
                item.body, "IST0138",
                f"Duplicate certificate in multiple gateways {[*rivals, f'{item.namespace}/{item.name}']} may cause "
                "404s if clients re-use HTTP2 connections.",
                "spec.servers",
            )  # fmt: skip


def _same_workload(one: Typed, other: Typed) -> bool:
    first, second = one.value.spec.selector, other.value.spec.selector
    return selects(first, second) or selects(second, first)


def _certificates(item: Typed) -> set[tuple[str, ...]]:
    pairs: set[tuple[str, ...]] = set()
    for server in item.value.spec.servers:
        if server.tls is None:
            continue
        if server.tls.credential_name:
            pairs.add(("credential", server.tls.credential_name))
        elif server.tls.server_certificate and server.tls.private_key:
            pairs.add(("files", server.tls.server_certificate, server.tls.private_key))
    return pairs


def analyze_conflicts(world: World) -> Iterator[Problem]:
    """Two gateways that open the same port for the same hosts on the same pods."""
    gateways = world.typed(GATEWAYS, Gateway)
    for item in gateways:
        for index, server in enumerate(item.value.spec.servers):
            rivals = [
                f"{other.namespace}/{other.name}"
                for other in gateways
                if other.body is not item.body
                and _same_workload(item, other)
                and any(_same_place(server, rival) for rival in other.value.spec.servers)
            ]
            if rivals:
                port = server.port.number if server.port is not None else 0
                yield found(
                    item.body, "IST0145",
                    f"Conflict with gateways {','.join(rivals)} (workload selector "
                    f"{_text(item.value.spec.selector)}, port {port}, hosts {','.join(server.hosts)}).",
                    f"spec.servers[{index}]",
                )  # fmt: skip


def _same_place(one: Server, other: Server) -> bool:
    if one.port is None or other.port is None or one.port.number != other.port.number or one.bind != other.bind:
        return False
    return any(_same_host(first, second) for first in one.hosts for second in other.hosts)


def _same_host(one: str, other: str) -> bool:
    first_scope, _, first = one.rpartition("/")
    second_scope, _, second = other.rpartition("/")
    scopes = {first_scope or "*", second_scope or "*"}
    return (len(scopes) == 1 or "*" in scopes) and texts.matches(first, second)


ANALYZERS = (
    Analyzer("gateway.IngressGatewayPortAnalyzer", (GATEWAYS, PODS, SERVICES), analyze_ports),
    Analyzer("gateway.CertificateAnalyzer", (GATEWAYS,), analyze_certificates),
    Analyzer("gateway.SecretAnalyzer", (GATEWAYS, PODS, SECRETS), analyze_secrets),
    Analyzer("gateway.ConflictingGatewayAnalyzer", (GATEWAYS,), analyze_conflicts),
)
