"""The last part of the model's graph: for each connected proxy, the `ProxyView` it is translated from.

Sidecars of one namespace share a `Scope`; a view takes from it what its labels and its Sidecar object leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from tejer.flow.graph import Derived, Graph, Index, Reader, Source
from tejer.istiod.model import authz, gateway, ingress, sidecar, telemetry
from tejer.istiod.model.config import Config
from tejer.istiod.model.endpoints import EndpointSet, target_port
from tejer.istiod.model.hosts import visible
from tejer.istiod.model.node import ROUTER, ProxyNode, shared_labels
from tejer.istiod.model.registry import Registry, Stored
from tejer.istiod.model.scopes import Scope, Scopes
from tejer.istiod.model.secrets import gateway_secrets
from tejer.istiod.model.service import Service
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.model.view import GatewayView, InboundPort, InboundView, ProxyView, ServiceView
from tejer.istiod.model.workload import Workload
from tejer.kube.kinds.istio_networking import GatewaySpec, SidecarSpec, VirtualServiceSpec
from tejer.kube.kinds.istio_security import AuthorizationPolicySpec
from tejer.kube.kinds.istio_telemetry import TelemetrySpec
from tejer.kube.problem import Problem
from tejer.kube.resource import Key


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """The view of the proxy `key` (its node id), and what is wrong with the objects it was made of."""

    key: str
    view: ProxyView
    problems: tuple[Problem, ...] = ()


class Views:
    """Sources of policy objects and proxies, and the views made of them."""

    def __init__(self, graph: Graph, registry: Registry) -> None:
        self.registry, self.scopes = registry, Scopes(graph, registry)
        self.nodes: Source[ProxyNode] = Source(graph, "proxies")
        self.gateway_objects: Source[Config[GatewaySpec]] = Source(graph, "gateways")
        self.sidecars: Source[Config[SidecarSpec]] = Source(graph, "sidecars")
        self.authorization: Source[Config[AuthorizationPolicySpec]] = Source(graph, "authorization_policies")
        self.telemetries: Source[Config[TelemetrySpec]] = Source(graph, "telemetries")
        self.secrets: Source[Stored] = Source(graph, "secrets")
        self.gateways = Derived(
            graph, "resolved_gateways", self.gateway_objects, self._resolve_gateway, [registry.mesh]
        )
        self.sidecars_by_namespace = Index(self.sidecars, lambda s: [s.namespace])
        self.policies_by_namespace = Index(self.authorization, lambda p: [p.namespace])
        self.telemetry_by_namespace = Index(self.telemetries, lambda t: [t.namespace])
        self.views = Derived(
            graph, "views", self.nodes, self._view,
            [
                *self.scopes.reads, registry.workloads, self.scopes.scopes, self.gateways, self.sidecars,
                self.authorization, self.telemetries, self.secrets,
            ],
        )  # fmt: skip

    def _resolve_gateway(self, reader: Reader, config: Config[GatewaySpec]) -> Iterable[Config[GatewaySpec]]:
        return (gateway.resolved(config, self.registry.settings(reader).short_domain),)

    def _view(self, reader: Reader, given: ProxyNode) -> Iterable[NodeView]:
        mesh = self.registry.settings(reader)
        node = self._as_it_is_now(reader, given)
        scope = reader.get(self.scopes.scopes, node.namespace) or Scope(key=node.namespace)
        shared = ProxyView(
            type=node.type,
            group=_group(node, scope),
            namespace=node.namespace,
            labels=node.labels,
            subject=node.subject,
            mesh=mesh,
            services=self._with_selected_rules(reader, mesh, scope.services, node),
            policies=self._policies(reader, mesh, node),
            telemetry=self._telemetry(reader, mesh, node),
        )
        if node.type == ROUTER:
            found, problems = self._gateway(reader, mesh, node)
            return (NodeView(key=node.key, view=replace(shared, gateway=found), problems=problems),)
        own = reader.where(self.sidecars_by_namespace, node.namespace)
        chosen = sidecar.choose(own, reader.where(self.sidecars_by_namespace, mesh.root_namespace), node.labels)
        services, routes = _egress(chosen, shared.services, scope.virtual_services)
        view = replace(
            shared,
            group=f"{shared.group} {chosen.key}" if chosen else shared.group,
            services=services,
            virtual_services=routes,
            sidecar=chosen,
            own_address=_own_address(services, node.address),
            inbound=ingress.listeners(self._inbound(reader, mesh, node), chosen),
        )
        if chosen is not None and chosen.spec.ingress:
            view = replace(view, own_address=node.address)
        return (NodeView(key=node.key, view=view),)

    def _as_it_is_now(self, reader: Reader, node: ProxyNode) -> ProxyNode:
        """With the labels that its pod has now: what the proxy says of itself is from its start."""
        workload = reader.get(self.registry.workloads, Key("", "pods", node.namespace, node.name))
        if workload is None or workload.address != node.address:
            return node
        return replace(node, labels=shared_labels(workload.labels))

    def _with_selected_rules(
        self, reader: Reader, mesh: MeshSettings, services: tuple[ServiceView, ...], node: ProxyNode
    ) -> tuple[ServiceView, ...]:
        """A rule of the client's namespace with a workloadSelector that fits beats the one the scope holds."""
        own = reader.where(self.scopes.rules_by_namespace, node.namespace)
        if not any(rule.spec.workload_selector for rule in own):
            return services
        rules = self.scopes.rules_seen(reader)
        return tuple(
            replace(found, rule=self.scopes.rule(rules, mesh, found.service, node.namespace, node.labels))
            for found in services
        )

    def _policies(self, reader: Reader, mesh: MeshSettings, node: ProxyNode) -> authz.PolicySet:
        namespaces = dict.fromkeys((mesh.root_namespace, node.namespace))
        found = [p for namespace in namespaces for p in reader.where(self.policies_by_namespace, namespace)]
        return authz.policy_set(found, node.labels)

    def _telemetry(self, reader: Reader, mesh: MeshSettings, node: ProxyNode) -> telemetry.TelemetryView:
        root = reader.where(self.telemetry_by_namespace, mesh.root_namespace)
        own = reader.where(self.telemetry_by_namespace, node.namespace)
        return telemetry.telemetry_view(telemetry.applicable(root, own, node.labels), mesh)

    def _targets(self, reader: Reader, node: ProxyNode) -> list[tuple[Service, EndpointSet]]:
        """Services that stand before this proxy: their selector takes it, or its address is among their endpoints."""
        registry = self.registry
        near = reader.where(registry.services_by_namespace, node.namespace)
        found = {service.key: service for service in near if _selects_node(service, node)}
        pairs = ((registry.endpoints_by_address, registry.plain_services),
                 (registry.entry_endpoints_by_address, registry.entry_services))  # fmt: skip
        for index, services in pairs:
            for endpoints in reader.where(index, node.address):
                if (service := reader.get(services, endpoints.key)) is not None:
                    found[service.key] = service
        ordered = sorted(found.values(), key=lambda service: service.age)
        return [(service, self.scopes.endpoints_of(reader, service)) for service in ordered]

    def _inbound(self, reader: Reader, mesh: MeshSettings, node: ProxyNode) -> InboundView:
        workload = reader.get(self.registry.workloads, Key("", "pods", node.namespace, node.name))
        ports: dict[int, InboundPort] = {}
        rules = self.scopes.rules_seen(reader)
        for service, endpoints in self._targets(reader, node):
            rule = self.scopes.rule(rules, mesh, service, node.namespace, node.labels)
            for port in service.ports:
                number = _own_port(service, endpoints, port.number, node, workload)
                if number and number not in ports:
                    ports[number] = InboundPort(service=service, port=port, target=number, rule=rule)
        modes = self.registry.modes(reader, node.namespace, node.labels)
        return InboundView(ports=tuple(ports[number] for number in sorted(ports)), modes=modes)

    def _gateway(self, reader: Reader, mesh: MeshSettings, node: ProxyNode) -> tuple[GatewayView, tuple[Problem, ...]]:
        applying = [config for config in reader.all(self.gateways) if gateway.applies(config, node.labels)]
        workload = reader.get(self.registry.workloads, Key("", "pods", node.namespace, node.name))
        targets: dict[int, tuple[int, ...]] = {}
        for service, endpoints in self._targets(reader, node):
            for port in service.ports:
                number = _own_port(service, endpoints, port.number, node, workload)
                if number and number not in targets.get(port.number, ()):
                    targets[port.number] = (*targets.get(port.number, ()), number)
        merged = gateway.merge(applying, targets, unprivileged=node.unprivileged and workload is not None)
        names = {server.gateway for server in merged.servers}
        routes = [
            found.config
            for found in reader.all(self.scopes.merged)
            if names.intersection(found.config.spec.gateways)
            and found.config.spec.hosts
            and visible(
                found.config.spec.export_to or mesh.virtual_service_export_to, found.config.namespace, node.namespace
            )
        ]

        def secret(name: str) -> Stored | None:
            return reader.get(self.secrets, Key("", "secrets", node.namespace, name))

        secrets, missing = gateway_secrets(merged.servers, secret)
        view = GatewayView(
            servers=merged.servers, virtual_services=tuple(sorted(routes, key=lambda c: c.age)), secrets=secrets
        )
        return view, (*merged.problems, *missing)


def _group(node: ProxyNode, scope: Scope) -> str:
    if not scope.by_labels:
        return node.namespace
    return node.namespace + "".join(f",{name}={value}" for name, value in sorted(node.labels.items()))


def _selects_node(service: Service, node: ProxyNode) -> bool:
    if not service.selector or service.namespace != node.namespace:
        return False
    return all(node.labels.get(name) == value for name, value in service.selector.items())


def _has_address(endpoints: EndpointSet, address: str) -> bool:
    return bool(address) and any(e.address == address for found in endpoints.ports.values() for e in found)


def _own_port(service: Service, endpoints: EndpointSet, number: int, node: ProxyNode, workload: Workload | None) -> int:
    """The port on which the proxy's own workload answers for a service port; 0 when it does not."""
    for endpoint in endpoints.of(number):
        if endpoint.address == node.address:
            return endpoint.port
    port = service.port(number)
    if port is None or not _selects_node(service, node):
        return 0
    if workload is not None:
        return target_port(port, workload)
    return port.target if isinstance(port.target, int) else 0


def _egress(
    chosen: Config[SidecarSpec] | None,
    services: tuple[ServiceView, ...],
    routes: tuple[Config[VirtualServiceSpec], ...],
) -> tuple[tuple[ServiceView, ...], tuple[Config[VirtualServiceSpec], ...]]:
    """What a Sidecar's egress hosts leave; a VirtualService that is seen brings its destinations along."""
    if chosen is None or not chosen.spec.egress:
        return services, routes
    kept = tuple(r for r in routes if any(sidecar.sees(chosen, r.namespace, host) for host in r.spec.hosts))
    wanted = {host for config in kept for host in _destinations(config.spec)}
    left = tuple(
        found
        for found in services
        if found.service.hostname in wanted or sidecar.sees(chosen, found.service.namespace, found.service.hostname)
    )
    return left, kept


def _destinations(spec: VirtualServiceSpec) -> Iterator[str]:
    for http in spec.http:
        yield from (to.destination.host for to in http.route if to.destination)
    for tcp in spec.tcp:
        yield from (to.destination.host for to in tcp.route if to.destination)
    for tls in spec.tls:
        yield from (to.destination.host for to in tls.route if to.destination)


def _own_address(services: tuple[ServiceView, ...], address: str) -> str:
    headless = (found for found in services if found.service.headless)
    return address if any(_has_address(found.endpoints, address) for found in headless) else ""
