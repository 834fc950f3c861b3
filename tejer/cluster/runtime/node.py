"""What all pod workers of the node share: the API, the machine, informers' stores, network, events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from typing import TypeVar

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network.ipam import AddressPool
from tejer.cluster.network.setup import HostNetwork
from tejer.cluster.runtime.claims import may_hold
from tejer.cluster.runtime.events import EventRecorder
from tejer.cluster.runtime.inputs import Host, Inputs
from tejer.cluster.runtime.nursery import Nursery
from tejer.kube.api import Api
from tejer.kube.informer import Informer
from tejer.kube.resource import Body
from tejer.kube.types import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    SECRETS,
    SERVICES,
)

T = TypeVar("T")


class ByName(Mapping[tuple[str, str], Body]):
    """An informer's store, by (namespace, name)."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer

    def __getitem__(self, key: tuple[str, str]) -> Body:
        return self._informer.store[self._informer.rtype.key(*key)]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(key.namespace, key.name) for key in self._informer.store])

    def __len__(self) -> int:
        return len(self._informer.store)


class Node:
    """`in_network` runs blocking network calls in the one thread that may change network namespaces."""

    def __init__(self, api: Api, config: ClusterConfig, host: Host) -> None:
        self.api, self.config, self.host = api, config, host
        self.events = EventRecorder(api, config.node_name)
        self.network = HostNetwork(config)
        self.addresses = AddressPool(self.network.pods)
        self.pods = Informer(api, PODS)
        self.services, self.slices = Informer(api, SERVICES), Informer(api, ENDPOINTSLICES)
        self.config_maps, self.secrets = Informer(api, CONFIGMAPS), Informer(api, SECRETS)
        self.claims, self.volumes = Informer(api, PERSISTENTVOLUMECLAIMS), Informer(api, PERSISTENTVOLUMES)
        self.nursery = Nursery()
        self._network_thread = ThreadPoolExecutor(1, "network")
        self._file_threads = ThreadPoolExecutor(2, "files")

    async def in_network(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._network_thread, call)

    async def in_files(self, call: Callable[[], T]) -> T:
        """For small blocking file work."""
        return await asyncio.get_running_loop().run_in_executor(self._file_threads, call)

    async def attach(self, pid: int, address: str) -> None:
        await self.in_network(lambda: self.network.attach(pid, IPv4Address(address)))

    def inputs(self, pod_ip: str) -> Inputs:
        config = self.config
        return Inputs(
            host=self.host,
            node_name=config.node_name,
            host_ip=config.gateway_ip,
            pod_ip=pod_ip,
            dns_ip=config.dns_ip,
            cluster_domain=config.cluster_domain,
            kubernetes_ip=config.kubernetes_ip,
            config_maps=ByName(self.config_maps),
            secrets=ByName(self.secrets),
            services=tuple(self.services.store.values()),
        )

    def claim_directories(self, namespace: str) -> dict[str, str]:
        """Bound claims of the namespace → their volumes' directories."""
        found = {}
        for key, claim in self.claims.store.items():
            volume = self.volumes.store.get(
                PERSISTENTVOLUMES.key("", (claim.get("spec") or {}).get("volumeName") or "")
            )
            if key.namespace != namespace or volume is None or not may_hold(volume, claim):
                continue
            path = ((volume.get("spec") or {}).get("hostPath") or {}).get("path")
            if path and (claim.get("status") or {}).get("phase") == "Bound":
                found[key.name] = str(path)
        return found

    def close(self) -> None:
        self.nursery.close()
        self._network_thread.shutdown(wait=False)
        self._file_threads.shutdown(wait=False)
