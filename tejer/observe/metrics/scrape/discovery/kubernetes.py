"""Discovery of a Kubernetes cluster's objects as targets, over the project's informers.

Jobs share the informers: `Cluster` watches a kind once however many jobs ask for it, and stops when none does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from tejer.kube.api import Api
from tejer.kube.informer import Informer
from tejer.kube.resource import Body, Change, Key
from tejer.kube.types import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES, ResourceType
from tejer.observe.metrics.config import KubernetesDiscovery
from tejer.observe.metrics.scrape.discovery.endpoints import Around, endpoints_group, endpointslice_group
from tejer.observe.metrics.scrape.discovery.nodes import node_group
from tejer.observe.metrics.scrape.discovery.pods import pod_group
from tejer.observe.metrics.scrape.discovery.services import service_group
from tejer.observe.metrics.scrape.target import TargetGroup

Publish = Callable[[Sequence[TargetGroup]], None]

QUIET = 1.0
"""Seconds between two looks at a cluster that keeps changing."""
FIRST_LIST = 10.0
"""Seconds after which a cluster that doesn't answer counts as one without targets (until it does)."""

_OF_ROLE: dict[str, tuple[ResourceType, ...]] = {
    "node": (NODES,),
    "service": (SERVICES,),
    "pod": (PODS,),
    "endpoints": (ENDPOINTS, SERVICES, PODS),
    "endpointslice": (ENDPOINTSLICES, SERVICES, PODS),
}


class Ask(NamedTuple):
    """One list to watch; `namespace` "" is all."""

    rtype: ResourceType
    namespace: str = ""
    label: str = ""
    field: str = ""


class _Watched:
    def __init__(self, informer: Informer) -> None:
        self.informer = informer
        self.listeners: list[Callable[[], None]] = []
        self.task: asyncio.Task[None] | None = None

    def tell(self, _: list[Change]) -> None:
        for listener in self.listeners:
            listener()


class Cluster:
    """The informers of one API server, in the task group of who runs the discovery."""

    def __init__(self, api: Api, namespace: str, tasks: asyncio.TaskGroup) -> None:
        self.namespace = namespace
        self._api, self._tasks = api, tasks
        self._watched: dict[Ask, _Watched] = {}

    @contextmanager
    def watch(self, ask: Ask, changed: Callable[[], None]) -> Iterator[Informer]:
        """The informer of `ask`, running while anybody is in such a block; `changed` is called after each change."""
        watched = self._watched.get(ask)
        if watched is None:
            informer = Informer(
                self._api, ask.rtype, namespace=ask.namespace, label_selector=ask.label, field_selector=ask.field
            )
            watched = self._watched[ask] = _Watched(informer)
            watched.task = self._tasks.create_task(informer.run(watched.tell))
        watched.listeners.append(changed)
        try:
            yield watched.informer
        finally:
            watched.listeners.remove(changed)
            if not watched.listeners:
                del self._watched[ask]
                assert watched.task is not None
                watched.task.cancel()


async def discover(cluster: Cluster, config: KubernetesDiscovery, publish: Publish) -> None:
    """Publish the role's targets whenever the cluster changes. Runs until cancelled."""
    changed = asyncio.Event()
    changed.set()
    asks = asks_of(config, cluster.namespace)
    with ExitStack() as blocks:
        informers = [blocks.enter_context(cluster.watch(ask, changed.set)) for ask in asks]
        await _until_listed(informers)
        while True:
            await changed.wait()
            changed.clear()
            publish(groups_of(str(config.role), _stores(informers)))
            await asyncio.sleep(QUIET)


async def _until_listed(informers: Iterable[Informer]) -> None:
    try:
        async with asyncio.timeout(FIRST_LIST):
            for informer in informers:
                await informer.synced.wait()
    except TimeoutError:
        return  # the informers tell what they wait for, and go on trying


def asks_of(config: KubernetesDiscovery, own_namespace: str) -> list[Ask]:
    """Everything to watch for one `kubernetes_sd_configs` entry. Pure."""
    named = [str(name) for name in config.namespaces.names]
    if config.namespaces.own_namespace:
        named.append(own_namespace)
    selectors = {str(one.role): (str(one.label), str(one.field)) for one in config.selectors}
    kinds = list(_OF_ROLE[config.role])
    if config.attach_metadata.node and NODES not in kinds:
        kinds.append(NODES)
    asks = []
    for rtype in kinds:
        label, field = selectors.get(rtype.kind.lower(), ("", ""))
        spaces = named or [""] if rtype.namespaced else [""]
        asks += [Ask(rtype, namespace, label, field) for namespace in dict.fromkeys(spaces)]
    return asks


Stores = dict[ResourceType, dict[Key, Body]]


def _stores(informers: Iterable[Informer]) -> Stores:
    stores: Stores = {}
    for informer in informers:
        stores.setdefault(informer.rtype, {}).update(informer.store)
    return stores


def groups_of(role: str, stores: Stores) -> list[TargetGroup]:
    """The role's groups among these objects. Pure."""
    around = Around(stores.get(PODS, {}), stores.get(SERVICES, {}), stores.get(NODES, {}))
    match role:
        case "node":
            return [node_group(node) for node in around.nodes.values()]
        case "service":
            return [service_group(service) for service in around.services.values()]
        case "pod":
            return [pod_group(pod, _node_of(pod, around)) for pod in around.pods.values()]
        case "endpoints":
            return [endpoints_group(one, around) for one in stores.get(ENDPOINTS, {}).values()]
        case "endpointslice":
            return [endpointslice_group(one, around) for one in stores.get(ENDPOINTSLICES, {}).values()]
    raise ValueError(f"no such role: {role}")


def _node_of(pod: Body, around: Around) -> Body | None:
    return around.nodes.get(NODES.key("", str((pod.get("spec") or {}).get("nodeName", ""))))
