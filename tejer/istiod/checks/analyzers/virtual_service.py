"""VirtualServices against the rest of the mesh: destinations, subsets, gateways, other VirtualServices.

IST0101, 0109, 0112, 0132, 0140, 0149, 0165. Source: Istio's pkg/config/analysis/analyzers/virtualservice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tejer.istiod.checks import texts
from tejer.istiod.checks.hosts import HostEntry, find_host, hosts_of, resolve
from tejer.istiod.checks.world import Analyzer, Typed, World, found, selects
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import Destination, DestinationRule, Gateway, VirtualService
from tejer.kube.kinds.istio_security import RequestAuthentication
from tejer.kube.problem import Problem
from tejer.kube.resource import name_of, namespace_of
from tejer.kube.types import (
    DESTINATIONRULES,
    GATEWAYS,
    PODS,
    REQUESTAUTHENTICATIONS,
    SERVICEENTRIES,
    SERVICES,
    VIRTUALSERVICES,
)

MESH = "mesh"
GATEWAY_API = "gateway.networking.k8s.io"


class Target(NamedTuple):
    """A destination of a VirtualService, the path of its field, and whether requests are only mirrored to it."""

    destination: Destination
    path: str
    mirror: bool = False


def targets(service: VirtualService) -> Iterator[Target]:
    for index, http in enumerate(service.spec.http):
        base = f"spec.http[{index}]"
        for position, route in enumerate(http.route):
            yield Target(route.destination or Destination(), f"{base}.route[{position}].destination")
        if http.mirror is not None:
            yield Target(http.mirror, f"{base}.mirror", True)
        for position, mirror in enumerate(http.mirrors):
            if mirror.destination is not None:
                yield Target(mirror.destination, f"{base}.mirrors[{position}].destination", True)
    l4_routes = [(f"spec.tcp[{index}]", tcp.route) for index, tcp in enumerate(service.spec.tcp)]
    l4_routes += [(f"spec.tls[{index}]", tls.route) for index, tls in enumerate(service.spec.tls)]
    for base, routes in l4_routes:
        for position, l4 in enumerate(routes):
            yield Target(l4.destination or Destination(), f"{base}.route[{position}].destination")


def analyze_destination_hosts(world: World) -> Iterator[Problem]:
    hosts = hosts_of(world)
    for item in world.typed(VIRTUALSERVICES, VirtualService):
        for target in targets(item.value):
            entry = _find_everywhere(hosts, target.destination.host, item)
            if entry is None:
                yield found(
                    item.body, "IST0101", f'Referenced host not found: "{target.destination.host}"',
                    f"{target.path}.host",
                )  # fmt: skip
            elif not entry.host.startswith("*"):
                yield from _check_port(item, target, entry)
        yield from _without_effect_on_ingress(world, item)


def _find_everywhere(hosts: list[HostEntry], host: str, item: Typed) -> HostEntry | None:
    """The host as seen from every namespace the VirtualService works in; None where one of them can't see it."""
    wanted = resolve(host, item.namespace)
    scopes = [item.namespace if scope in (".", "*") else scope for scope in item.value.spec.export_to or (".",)]
    entries = [find_host(hosts, wanted, scope) for scope in scopes]
    return entries[0] if all(entries) else None


def _check_port(item: Typed, target: Target, entry: HostEntry) -> Iterator[Problem]:
    port = target.destination.port
    if port is None or port.number is None:
        if len(entry.ports) > 1 and not target.mirror:
            yield found(
                item.body, "IST0112",
                f"This VirtualService routes to a service {target.destination.host!r} that exposes multiple ports "
                f"{list(entry.ports)}. Specifying a port in the destination is required to disambiguate.",
                f"{target.path}.host",
            )  # fmt: skip
    elif entry.ports and port.number not in entry.ports:
        yield found(
            item.body, "IST0101", f'Referenced host:port not found: "{target.destination.host}:{port.number}"',
            f"{target.path}.host",
        )  # fmt: skip


def _without_effect_on_ingress(world: World, item: Typed) -> Iterator[Problem]:
    """A gateway's VirtualService that routes to a host as a whole: the subsets that the host's own VirtualService
    chooses are for the mesh only, requests from the gateway are not split by them.
    """
    names = [name for name in item.value.spec.gateways if name != MESH]
    if not names:
        return
    for target in targets(item.value):
        if target.destination.subset or target.mirror:
            continue
        host = resolve(target.destination.host, item.namespace)
        for other in world.typed(VIRTUALSERVICES, VirtualService):
            if other.body is not item.body and _splits(other, host):
                yield found(
                    item.body, "IST0140",
                    f"Subset in virtual service {other.namespace}/{other.name} has no effect on ingress gateway "
                    f"{names[0]} requests",
                    f"{target.path}.host",
                )  # fmt: skip
                break


def _splits(item: Typed, host: str) -> bool:
    """Whether a VirtualService of the mesh is for `host` and sends its requests to subsets."""
    service: VirtualService = item.value
    on_mesh = not service.spec.gateways or MESH in service.spec.gateways
    is_for = any(resolve(name, item.namespace) == host for name in service.spec.hosts)
    return on_mesh and is_for and any(target.destination.subset for target in targets(service))


def analyze_subsets(world: World) -> Iterator[Problem]:
    known: set[tuple[str, str]] = set()
    for item in world.typed(DESTINATIONRULES, DestinationRule):
        rule: DestinationRule = item.value
        for subset in rule.spec.subsets:
            known.add((resolve(rule.spec.host, item.namespace), subset.name))
    for item in world.typed(VIRTUALSERVICES, VirtualService):
        for target in targets(item.value):
            subset_name = target.destination.subset
            if subset_name and (resolve(target.destination.host, item.namespace), subset_name) not in known:
                yield found(
                    item.body, "IST0101",
                    f'Referenced host+subset in destinationrule not found: "{target.destination.host}+{subset_name}"',
                    f"{target.path}.subset",
                )  # fmt: skip


def analyze_gateways(world: World) -> Iterator[Problem]:
    gateways = {(item.namespace, item.name): item.value for item in world.typed(GATEWAYS, Gateway)}
    kubernetes = {(namespace_of(body), name_of(body)): body for body in world.other(GATEWAY_API, "Gateway")}
    for item in world.typed(VIRTUALSERVICES, VirtualService):
        service: VirtualService = item.value
        for index, name in enumerate(service.spec.gateways):
            if name == MESH:
                continue
            key = _gateway_key(name, item.namespace)
            field = f"spec.gateways[{index}]"
            if key in gateways:
                offered = [
                    _server_host(host, key[0], item.namespace)
                    for server in gateways[key].spec.servers
                    for host in server.hosts
                ]
            elif key in kubernetes:
                listeners = (kubernetes[key].get("spec") or {}).get("listeners") or ()
                offered = [str(listener.get("hostname") or "*") for listener in listeners]
            elif name.endswith("istio-autogenerated-k8s-gateway"):
                text = f"Gateway {name} is an internal gateway of a Gateway API gateway."
                yield found(item.body, "IST0165", text, field)
                continue
            else:
                yield found(item.body, "IST0101", f'Referenced gateway not found: "{name}"', field)
                continue
            if not any(texts.matches(host, offer) for host in service.spec.hosts for offer in offered if offer):
                hosts = ", ".join(service.spec.hosts)
                yield found(item.body, "IST0132", f"one or more host [{hosts}] defined in VirtualService "
                            f"{item.namespace}/{item.name} not found in Gateway {name}.", field)  # fmt: skip


def _gateway_key(name: str, namespace: str) -> tuple[str, str]:
    if "/" in name:
        first, _, rest = name.partition("/")
        return first, rest
    if "." in name:  # the old form: name.namespace.svc.cluster.local
        parts = name.split(".")
        return parts[1], parts[0]
    return namespace, name


def _server_host(host: str, gateway_namespace: str, namespace: str) -> str:
    """The host of a server as VirtualServices of `namespace` may use it; "" where they may not."""
    scope, slash, name = host.partition("/")
    if not slash:
        return host
    if scope == ".":
        scope = gateway_namespace
    return name if scope in ("*", namespace) else ""


def analyze_mesh_hosts(world: World) -> Iterator[Problem]:
    """Two VirtualServices for one host on the mesh, seen from one namespace: only the older one works."""
    on_mesh = [
        item
        for item in world.typed(VIRTUALSERVICES, VirtualService)
        if item.value.spec.hosts and (not item.value.spec.gateways or MESH in item.value.spec.gateways)
    ]
    for item in on_mesh:
        rivals: list[str] = []
        shared: set[str] = set()
        for other in on_mesh:
            if other.body is item.body or not _share_a_namespace(item, other):
                continue
            common = {host for host in other.value.spec.hosts if _claims(item, resolve(host, other.namespace))}
            if common:
                rivals.append(f"{other.namespace}/{other.name}")
                shared |= common
        if rivals:
            yield found(
                item.body, "IST0109",
                f"The VirtualServices {item.namespace}/{item.name},{','.join(rivals)} associated with mesh gateway "
                f"define the same host {','.join(sorted(shared))} which can lead to undefined behavior. This can be "
                "fixed by merging the conflicting VirtualServices into a single resource.",
                "spec.hosts",
            )  # fmt: skip


def _claims(item: Typed, host: str) -> bool:
    """Whether a VirtualService is for the same host, or for a wildcard that overlaps this one.

    An exact host beside a wildcard is fine: the more specific one wins.
    """
    own = [resolve(name, item.namespace) for name in item.value.spec.hosts]
    return host in own or (
        host.startswith("*") and any(one.startswith("*") and texts.matches(one, host) for one in own)
    )


def _share_a_namespace(one: Typed, other: Typed) -> bool:
    first, second = _scope(one), _scope(other)
    return "*" in first or "*" in second or bool(first & second)


def _scope(item: Typed) -> set[str]:
    export_to = item.value.spec.export_to or ("*",)
    return {item.namespace if name == "." else name for name in export_to}


def analyze_claims(world: World) -> Iterator[Problem]:
    """Routing by a claim needs a RequestAuthentication on the gateway, else no request has claims."""
    policies = world.typed(REQUESTAUTHENTICATIONS, RequestAuthentication)
    gateways = {(item.namespace, item.name): item.value for item in world.typed(GATEWAYS, Gateway)}
    pods = world.typed(PODS, core.Pod)
    for item in world.typed(VIRTUALSERVICES, VirtualService):
        claim = _first_claim(item.value)
        if claim is None:
            continue
        path, name = claim
        for gateway_name in item.value.spec.gateways:
            gateway = gateways.get(_gateway_key(gateway_name, item.namespace))
            if gateway is None:
                continue
            for pod in pods:
                labels = pod.value.metadata.labels
                if selects(gateway.spec.selector, labels) and not any(_guards(p, pod, world) for p in policies):
                    yield found(
                        item.body, "IST0149",
                        f"The virtual service uses the JWT claim based routing (key: {name}) without request "
                        f"authentication on the gateway ({gateway_name}) pod ({pod.name}).",
                        path,
                    )  # fmt: skip
                    break


def _first_claim(service: VirtualService) -> tuple[str, str] | None:
    for index, route in enumerate(service.spec.http):
        for position, match in enumerate(route.match):
            for name in (*match.headers, *match.without_headers):
                if texts.is_claim(name):
                    return f"spec.http[{index}].match[{position}].headers", name
    return None


def _guards(policy: Typed, pod: Typed, world: World) -> bool:
    if policy.namespace not in (pod.namespace, world.mesh.root_namespace):
        return False
    selector = policy.value.spec.selector
    return selector is None or selects(selector.match_labels, pod.value.metadata.labels)


ANALYZERS = (
    Analyzer("virtualservice.ConflictingMeshGatewayHostsAnalyzer", (VIRTUALSERVICES,), analyze_mesh_hosts),
    Analyzer("virtualservice.DestinationHostAnalyzer", (VIRTUALSERVICES, SERVICES, SERVICEENTRIES),
             analyze_destination_hosts),
    Analyzer("virtualservice.DestinationRuleAnalyzer", (VIRTUALSERVICES, DESTINATIONRULES), analyze_subsets),
    Analyzer("virtualservice.GatewayAnalyzer", (VIRTUALSERVICES, GATEWAYS), analyze_gateways),
    Analyzer("virtualservice.JWTClaimRouteAnalyzer", (VIRTUALSERVICES, REQUESTAUTHENTICATIONS, GATEWAYS, PODS),
             analyze_claims),
)  # fmt: skip
