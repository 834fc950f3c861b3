"""The middle of the model's graph: what proxies of a namespace may call, each service with its DestinationRule.

Sidecars of one namespace share a `Scope`; a view (`tejer.istiod.model.views`) takes from it what its labels and its
Sidecar object leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from tejer.flow.graph import Collection, Derived, Graph, Index, Reader, Source
from tejer.istiod.model import authn, destination, endpoints, virtualservice
from tejer.istiod.model.config import Config, with_spec
from tejer.istiod.model.destination import EffectiveRule
from tejer.istiod.model.endpoints import EndpointSet
from tejer.istiod.model.hosts import resolve, visible
from tejer.istiod.model.registry import Registry
from tejer.istiod.model.service import PASSTHROUGH, Service, join
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.model.view import ServiceView
from tejer.kube.kinds.istio_networking import DestinationRuleSpec, VirtualServiceSpec
from tejer.kube.problem import Problem
from tejer.kube.resource import Key


class ScopeKey(msgspec.Struct, frozen=True):
    """A namespace that has connected proxies."""

    key: str


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What proxies of the namespace `key` may call, oldest service first.

    `by_labels`: some route or rule depends on the caller's labels, so they tell groups of proxies apart.
    """

    key: str
    services: tuple[ServiceView, ...] = ()
    virtual_services: tuple[Config[VirtualServiceSpec], ...] = ()
    by_labels: bool = False


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """A VirtualService with its delegates' routes in place."""

    key: Key
    config: Config[VirtualServiceSpec]
    problems: tuple[Problem, ...] = ()


class Scopes:
    """Sources of DestinationRules and VirtualServices, and the scopes made of them."""

    def __init__(self, graph: Graph, registry: Registry) -> None:
        self.registry = registry
        self._service_views_of: dict[str, dict[tuple[str, ...], ServiceView]] = {}
        self.rule_objects: Source[Config[DestinationRuleSpec]] = Source(graph, "destination_rules")
        self.route_objects: Source[Config[VirtualServiceSpec]] = Source(graph, "virtual_services")
        mesh = registry.mesh
        self.rules = Derived(graph, "resolved_rules", self.rule_objects, self._resolve_rule, [mesh])
        self.routes = Derived(graph, "resolved_routes", self.route_objects, self._resolve_routes, [mesh])
        self.merged = Derived(graph, "merged_routes", self.routes, self._merge_delegates, [self.routes])
        self.rules_by_namespace = Index(self.rules, lambda r: [r.namespace])
        self.namespaces: Source[ScopeKey] = Source(graph, "namespaces_with_proxies")
        services: list[Collection[Any]] = [registry.plain_services, registry.entry_services, registry.aliases]
        services += [registry.endpoints, registry.entry_endpoints]
        self.reads = (*services, mesh, registry.peer_authentications, self.rules, self.merged)
        self.scopes = Derived(graph, "scopes", self.namespaces, self._scope, self.reads)

    def _resolve_rule(self, reader: Reader, rule: Config[DestinationRuleSpec]) -> Iterable[Config[DestinationRuleSpec]]:
        host = resolve(rule.spec.host, rule.namespace, self.registry.settings(reader).short_domain).lower()
        return (with_spec(rule, replace(rule.spec, host=host)),)

    def _resolve_routes(
        self, reader: Reader, config: Config[VirtualServiceSpec]
    ) -> Iterable[Config[VirtualServiceSpec]]:
        return (virtualservice.resolved(config, self.registry.settings(reader).short_domain),)

    def _merge_delegates(self, reader: Reader, config: Config[VirtualServiceSpec]) -> Iterable[Merged]:
        def find(namespace: str, name: str) -> Config[VirtualServiceSpec] | None:
            return reader.get(self.routes, config.key._replace(namespace=namespace, name=name))

        merged, problems = virtualservice.with_delegates(config, find)
        return (Merged(key=config.key, config=merged, problems=tuple(problems)),)

    def _services(self, reader: Reader) -> list[Service]:
        registry = self.registry
        return [*reader.all(registry.plain_services), *reader.all(registry.entry_services)]

    def endpoints_of(self, reader: Reader, service: Service) -> EndpointSet:
        registry = self.registry
        collection = registry.entry_endpoints if service.from_entry else registry.endpoints
        if service.parts:
            found = (reader.get(collection, part) for part in service.parts)
            return endpoints.join(service.key, (part for part in found if part is not None))
        return reader.get(collection, service.key) or EndpointSet(key=service.key)

    def rule(
        self,
        rules: Callable[[str], list[Config[DestinationRuleSpec]]],
        mesh: MeshSettings,
        service: Service,
        client: str,
        labels: dict[str, str],
    ) -> EffectiveRule | None:
        return destination.lookup(
            service.hostname,
            service.namespace,
            client,
            labels,
            mesh.root_namespace,
            rules,
            mesh.destination_rule_export_to,
        )

    def _scope(self, reader: Reader, where: ScopeKey) -> Iterable[Scope]:
        mesh = self.registry.settings(reader)
        seen = _one_per_host(
            (
                service
                for service in self._services(reader)
                if visible(service.export_to or mesh.service_export_to, service.namespace, where.key)
            ),
            where.key,
        )
        named = self._aliases(reader)
        if named:
            seen = [replace(s, aliases=named[s.hostname]) if s.hostname in named else s for s in seen]
        views = self._service_views(reader, mesh, seen, where.key)
        routes = virtualservice.for_sidecar(
            (merged.config for merged in reader.all(self.merged)), where.key, mesh.virtual_service_export_to
        )
        by_labels = any(map(virtualservice.reads_labels, routes)) or any(
            rule.spec.workload_selector for rule in reader.where(self.rules_by_namespace, where.key)
        )
        return (Scope(key=where.key, services=views, virtual_services=routes, by_labels=by_labels),)

    def _aliases(self, reader: Reader) -> dict[str, tuple[str, ...]]:
        """Host -> the ExternalName Services that stand for it, also through one another."""
        aliases = {alias.hostname: alias.target for alias in reader.all(self.registry.aliases)}
        found: dict[str, tuple[str, ...]] = {}
        for hostname in aliases:
            target, steps = aliases[hostname], 0
            while target in aliases and steps < len(aliases):
                target, steps = aliases[target], steps + 1
            found[target] = (*found.get(target, ()), hostname)
        return found

    def _service_views(
        self, reader: Reader, mesh: MeshSettings, services: list[Service], client: str
    ) -> tuple[ServiceView, ...]:
        """A view that has not changed is the same object as before, so that finding it unchanged costs nothing."""
        rules = self.rules_seen(reader)
        before, after = self._service_views_of.get(client, {}), dict[tuple[str, ...], ServiceView]()
        modes: dict[str, str] = {}
        for service in services:
            answering = self.endpoints_of(reader, service)
            if service.namespace not in modes:
                modes[service.namespace] = self.registry.client_mode(reader, service.namespace)
            made = ServiceView(
                service=service,
                endpoints=answering,
                rule=self.rule(rules, mesh, service, client, {}),
                mesh_tls=mesh.auto_mtls and _mesh_tls(service, answering, modes[service.namespace]),
            )
            held = before.get(service.key)
            after[service.key] = held if held == made else made
        self._service_views_of[client] = after
        return tuple(after.values())

    def rules_seen(self, reader: Reader) -> Callable[[str], list[Config[DestinationRuleSpec]]]:
        """Rules by namespace, each namespace read once."""
        read: dict[str, list[Config[DestinationRuleSpec]]] = {}

        def of(namespace: str) -> list[Config[DestinationRuleSpec]]:
            if namespace not in read:
                read[namespace] = reader.where(self.rules_by_namespace, namespace)
            return read[namespace]

        return of


def _mesh_tls(service: Service, endpoints: EndpointSet, mode: str) -> bool:
    """Whether auto mutual TLS may be used: not outside the mesh, not to a headless service with a plain endpoint."""
    if service.external or mode == authn.DISABLE:
        return False
    if service.headless or service.resolution == PASSTHROUGH:
        found = [endpoint for port in endpoints.ports.values() for endpoint in port]
        return bool(found) and all(endpoint.tls for endpoint in found)
    return True


def _one_per_host(services: Iterable[Service], client: str) -> list[Service]:
    """One service per host name (`istio.md` S8): the client's namespace's, then Kubernetes', then the oldest's.

    Several ServiceEntries of the chosen namespace for the host are one service with all their ports.
    """
    by_host: dict[str, list[Service]] = {}
    for service in services:
        by_host.setdefault(service.hostname, []).append(service)
    found = []
    for same in by_host.values():
        best = min(same, key=lambda service: _preference(service, client))
        found.append(join([s for s in same if (s.namespace, s.from_entry) == (best.namespace, best.from_entry)]))
    return sorted(found, key=lambda service: service.age)


def _preference(service: Service, client: str) -> tuple[bool, bool, tuple[str, str, str]]:
    return (service.namespace != client, service.from_entry, service.age)
