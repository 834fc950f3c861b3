"""`MeshState`: the whole mesh as one incremental graph. Changes of objects go in, a `ProxyView` per proxy comes out.

One thread owns it. An object that cannot be read keeps its last good form and becomes a `Problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from tejer.flow.graph import Failure, Graph, Source
from tejer.istiod.model.config import read_config
from tejer.istiod.model.node import ProxyNode
from tejer.istiod.model.registry import Registry, Stored
from tejer.istiod.model.scopes import ScopeKey
from tejer.istiod.model.settings import MeshSettings, mesh_settings
from tejer.istiod.model.view import ProxyView
from tejer.istiod.model.views import Views
from tejer.kube import types
from tejer.kube.kinds.istio_networking import (
    DestinationRuleSpec,
    GatewaySpec,
    ServiceEntrySpec,
    SidecarSpec,
    VirtualServiceSpec,
    WorkloadEntrySpec,
)
from tejer.kube.kinds.istio_security import AuthorizationPolicySpec, PeerAuthenticationSpec
from tejer.kube.kinds.istio_telemetry import TelemetrySpec
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, Change, Key
from tejer.kube.types import ResourceType

MESH_CONFIG_MAP = "istio"

READ_TYPES: tuple[ResourceType, ...] = (
    types.CONFIGMAPS,
    types.NODES,
    types.PODS,
    types.SECRETS,
    types.SERVICES,
    types.ENDPOINTSLICES,
    types.SERVICEENTRIES,
    types.WORKLOADENTRIES,
    types.DESTINATIONRULES,
    types.VIRTUALSERVICES,
    types.GATEWAYS,
    types.SIDECARS,
    types.PEERAUTHENTICATIONS,
    types.AUTHORIZATIONPOLICIES,
    types.TELEMETRIES,
)
"""What the control plane watches for the model."""


class Slot(NamedTuple):
    """Where objects of one type go, and how they are read."""

    source: Source[Any]
    read: Callable[[Key, Body], Any]


class MeshState:
    """`parse_yaml` reads the mesh config's text into JSON-like values; `domain` is the cluster's DNS domain.

    `short_domain` is the domain that short names in configuration are given where it is not `domain`.
    """

    def __init__(self, parse_yaml: Callable[[str], Any], *, domain: str = "cluster.local",
                 root_namespace: str = "istio-system", short_domain: str | None = None) -> None:  # fmt: skip
        self.graph = Graph()
        self.registry = Registry(self.graph)
        self.views = Views(self.graph, self.registry)
        self._parse_yaml, self._domain, self._root = parse_yaml, domain, root_namespace
        self._short_domain = domain if short_domain is None else short_domain
        self._unreadable: dict[Key, Problem] = {}
        self._slots = _slots(self.registry, self.views)
        with self.graph.batch():
            self.registry.mesh.put(self._settings(None))

    def apply(self, changes: Iterable[Change]) -> None:
        """Take in changes of objects; everything derived is up to date on return. Other types are ignored."""
        with self.graph.batch():
            for change in changes:
                self._unreadable.pop(change.key, None)
                try:
                    self._take(change.key, change.new)
                except (msgspec.ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
                    message = f"not understood, the last good form stays: {error}"
                    self._unreadable[change.key] = Problem(severity=Severity.ERROR, key=change.key, message=message)

    def _take(self, key: Key, body: Body | None) -> None:
        if key == Key("", "configmaps", self._root, MESH_CONFIG_MAP):
            self.registry.mesh.put(self._settings(body))
            return
        slot = self._slots.get((key.group, key.resource))
        if slot is None:
            return
        if body is None:
            slot.source.delete(key)
        else:
            slot.source.put(slot.read(key, body))

    def _settings(self, body: Body | None) -> MeshSettings:
        text = ((body or {}).get("data") or {}).get("mesh") or ""
        parsed = self._parse_yaml(text) if text else {}
        if not isinstance(parsed, dict):
            raise ValueError("the mesh config is not a mapping")
        given = {"rootNamespace": self._root, **parsed}
        return mesh_settings(given, domain=self._domain, short_domain=self._short_domain)

    @property
    def settings(self) -> MeshSettings:
        return self.registry.mesh.items["mesh"]

    def connect(self, node: ProxyNode) -> None:
        """A proxy is here (or has changed what it says of itself)."""
        with self.graph.batch():
            self.views.scopes.namespaces.put(ScopeKey(node.namespace))
            self.views.nodes.put(node)

    def disconnect(self, node: ProxyNode) -> None:
        with self.graph.batch():
            self.views.nodes.delete(node.key)
            if not any(other.namespace == node.namespace for other in self.views.nodes.items.values()):
                self.views.scopes.namespaces.delete(node.namespace)

    def view(self, node: ProxyNode) -> ProxyView:
        """What `node` is to be configured from now. Connects it if it is not."""
        if self.views.nodes.get(node.key) != node:
            self.connect(node)
        found = self.views.views.get(node.key)
        if found is None:
            raise LookupError(f"no view of proxy {node.id}: {self.graph.failures()}")
        return found.view

    def problems(self) -> list[Problem]:
        """Everything the model could not take as it was written."""
        found = list(self._unreadable.values())
        for merged in self.views.scopes.merged:
            found += merged.problems
        for node in self.views.views:
            found += (problem for problem in node.problems if problem not in found)
        return found + [_failure(failure) for failure in self.graph.failures()]


def _failure(failure: Failure) -> Problem:
    key = failure.key if isinstance(failure.key, Key) else None
    where = "" if key else f" for {failure.key}"
    return Problem(severity=Severity.ERROR, key=key, message=f"{failure.collection}{where}: {failure.error}")


def _slots(registry: Registry, views: Views) -> dict[tuple[str, str], Slot]:
    def config(rtype: ResourceType, source: Source[Any], spec: type[Any]) -> tuple[ResourceType, Slot]:
        return rtype, Slot(source, lambda key, body: read_config(key, body, spec, rtype.kind, rtype.version))

    table: tuple[tuple[ResourceType, Slot], ...] = (
        (types.NODES, Slot(registry.nodes, Stored)),
        (types.PODS, Slot(registry.pods, Stored)),
        (types.SERVICES, Slot(registry.kube_services, Stored)),
        (types.ENDPOINTSLICES, Slot(registry.slices, Stored)),
        (types.SECRETS, Slot(views.secrets, Stored)),
        config(types.SERVICEENTRIES, registry.entries, ServiceEntrySpec),
        config(types.WORKLOADENTRIES, registry.workload_entries, WorkloadEntrySpec),
        config(types.PEERAUTHENTICATIONS, registry.peer_authentications, PeerAuthenticationSpec),
        config(types.DESTINATIONRULES, views.scopes.rule_objects, DestinationRuleSpec),
        config(types.VIRTUALSERVICES, views.scopes.route_objects, VirtualServiceSpec),
        config(types.GATEWAYS, views.gateway_objects, GatewaySpec),
        config(types.SIDECARS, views.sidecars, SidecarSpec),
        config(types.AUTHORIZATIONPOLICIES, views.authorization, AuthorizationPolicySpec),
        config(types.TELEMETRIES, views.telemetries, TelemetrySpec),
    )
    return {(rtype.group, rtype.plural): slot for rtype, slot in table}
