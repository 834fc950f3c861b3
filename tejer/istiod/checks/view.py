"""`View`: what an analyzer may look up while it looks at one object.

Every look-up is recorded by the graph, so after a change only the objects it concerns are analysed again. Ask for as
little as will do: `pods(selector)` rather than all pods.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from tejer.flow.graph import Collection, Derived, Graph, Index, Reader, Source
from tejer.istiod.checks.analyzer import selects
from tejer.istiod.checks.hosts import HostEntry, best_wildcard, group_of, host_of_service, hosts_of_entry, resolve
from tejer.istiod.checks.objects import TYPED, TYPES, Item
from tejer.istiod.checks.world import SETTINGS_KEY, Settings
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.resource import Key
from tejer.kube.types import NAMESPACES, PODS, SERVICEENTRIES, SERVICES, ResourceType

Extract = Callable[[Item], Iterable[Hashable]]


def _namespace(item: Item) -> tuple[str]:
    return (item.namespace,)


def _kind(item: Item) -> tuple[tuple[str, str]]:
    return ((item.key.group, item.kind),)


def _labels(item: Item) -> Iterable[tuple[str, str, str]]:
    """Each label, within the namespace and everywhere ("")."""
    return [(where, *label) for label in item.labels.items() for where in (item.namespace, "")]


class Objects:
    """The collections that analysis reads: a source for each kind, one for kinds that are not ours, and the hosts."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings: Source[Settings] = Source(graph, SETTINGS_KEY)
        self.kinds: dict[ResourceType, Source[Any]] = {
            rtype: Source(graph, f"{rtype.plural}.{rtype.group}") for rtype in TYPES.values()
        }
        self.others: Source[Any] = Source(graph, "others")
        self._sources = {(rtype.group, rtype.plural): source for rtype, source in self.kinds.items()}
        self.configure(settings)
        self.service_hosts = self._hosts("hosts_of_services", SERVICES, host_of_service)
        self.entry_hosts = self._hosts("hosts_of_entries", SERVICEENTRIES, hosts_of_entry)
        self.host_indexes = tuple(Index(hosts, group_of) for hosts in (self.service_hosts, self.entry_hosts))
        self._indexes: dict[tuple[str, Extract], Index[Hashable, Any]] = {}

    def _hosts(
        self, name: str, rtype: ResourceType, make: Callable[[Item, str], Iterable[HostEntry]]
    ) -> Derived[Any, Any]:
        def hosts(reader: Reader, item: Item) -> Iterable[HostEntry]:
            settings = reader.get(self.settings, SETTINGS_KEY)
            assert settings is not None
            return make(item, settings.domain)

        return Derived(self.graph, name, self.kinds[rtype], hosts, reads=(self.settings,))

    @property
    def readable(self) -> tuple[Collection[Any], ...]:
        return (self.settings, *self.kinds.values(), self.others, self.service_hosts, self.entry_hosts)

    def configure(self, settings: Settings) -> None:
        """The settings, and MeshNetworks among the objects, though it is a file's or ConfigMap's contents."""
        with self.graph.batch():
            self.settings.put(settings)
            named = {
                "kind": "MeshNetworks",
                "metadata": {"namespace": settings.istio_namespace, "name": "meshnetworks"},
            }
            networks = Item({**(settings.mesh_networks or {}), **named})
            if settings.mesh_networks is not None:
                self.others.put(networks)
            else:
                self.others.delete(networks.key)

    def delete(self, key: Key) -> None:
        """Forget an object. Inside a batch."""
        self._sources.get((key.group, key.resource), self.others).delete(key)

    def of(self, rtype: ResourceType | None) -> Source[Any]:
        return self.others if rtype is None else self.kinds[rtype]

    def index(self, collection: Collection[Any], extract: Extract) -> Index[Hashable, Any]:
        """The index of a collection by `extract`, made at its first use."""
        key = (collection.name, extract)
        if key not in self._indexes:
            self._indexes[key] = Index(collection, extract)
        return self._indexes[key]


class View:
    """Objects come in order of their keys; those whose fields can't be read are left out."""

    __slots__ = ("_objects", "_reader")

    def __init__(self, reader: Reader, objects: Objects) -> None:
        self._reader, self._objects = reader, objects

    @property
    def settings(self) -> Settings:
        settings = self._reader.get(self._objects.settings, SETTINGS_KEY)
        assert settings is not None
        return settings

    @property
    def mesh(self) -> MeshConfig:
        return self.settings.mesh

    def all(self, rtype: ResourceType) -> list[Item]:
        return _readable(rtype, self._reader.all(self._objects.kinds[rtype]))

    def within(self, rtype: ResourceType, namespace: str) -> list[Item]:
        """The objects of a kind in a namespace."""
        return self.where(rtype, _namespace, namespace)

    def get(self, rtype: ResourceType, namespace: str, name: str) -> Item | None:
        item: Item | None = self._reader.get(self._objects.kinds[rtype], rtype.key(namespace, name))
        return item if item is not None and (rtype not in TYPED or item.value is not None) else None

    def where(self, rtype: ResourceType, extract: Extract, group: Hashable) -> list[Item]:
        """The objects for which `extract`, a function of a module and not a closure, gives `group` among others."""
        index = self._objects.index(self._objects.kinds[rtype], extract)
        return _readable(rtype, self._reader.where(index, group))

    def foreign(self, group: str, kind: str) -> list[Item]:
        """Objects of a kind that is not one of ours (Gateway API)."""
        return self._reader.where(self._objects.index(self._objects.others, _kind), (group, kind))

    def pods(self, selector: Mapping[str, str], namespace: str = "") -> list[Item]:
        """The pods that a selector chooses, in a namespace or in all. An empty selector chooses all."""
        if not selector:
            return self.within(PODS, namespace) if namespace else self.all(PODS)
        index = self._objects.index(self._objects.kinds[PODS], _labels)
        groups = [(namespace, *label) for label in selector.items()]
        rarest = min(groups, key=lambda group: len(index.members.get(group, ())))  # any of them would do
        return [pod for pod in _readable(PODS, self._reader.where(index, rarest)) if selects(selector, pod.labels)]

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        namespace = self.get(NAMESPACES, "", name)
        return namespace.labels if namespace is not None else {}

    def resolve(self, host: str, namespace: str) -> str:
        return resolve(host, namespace, self.settings.domain)

    def host(self, host: str, namespace: str) -> HostEntry | None:
        """What a destination named in `namespace` is: a Service, a ServiceEntry, or None."""
        wanted = self.resolve(host, namespace)
        indexes = self._objects.host_indexes
        for index in indexes:
            entries: list[HostEntry] = self._reader.where(index, wanted)
            for entry in entries:
                if entry.visible_in(namespace):
                    return entry
        return best_wildcard((e for index in indexes for e in self._reader.where(index, "*")), wanted, namespace)


def _readable(rtype: ResourceType, items: list[Item]) -> list[Item]:
    return [item for item in items if item.value is not None] if rtype in TYPED else items
