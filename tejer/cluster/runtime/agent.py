"""`NodeAgent`: the cluster's one node. Watches pods and runs a worker for each; keeps Services, DNS and ports going."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from ipaddress import IPv4Address

from tejer.cluster.config import ClusterConfig
from tejer.cluster.dns.server import DnsServer
from tejer.cluster.network.proxy import ServiceProxy
from tejer.cluster.network.services import VirtualPort
from tejer.cluster.runtime.adoption import end_unnoted_shims
from tejer.cluster.runtime.backend import NodePodBackend
from tejer.cluster.runtime.claims import ClaimBinder
from tejer.cluster.runtime.host import read_host
from tejer.cluster.runtime.images import IMAGES_CONFIG_MAP
from tejer.cluster.runtime.node import Node
from tejer.cluster.runtime.podrun import read_note
from tejer.cluster.runtime.ports import PortKeeper
from tejer.cluster.runtime.registration import keep_registered
from tejer.cluster.runtime.sandbox import Sandbox, find
from tejer.cluster.runtime.scheduling import schedule
from tejer.cluster.runtime.worker import PodWorker
from tejer.kube.api import Api
from tejer.kube.resource import Body, Change, metadata

log = logging.getLogger(__name__)

_AFTER_A_CRASH = 1.0


class NodeAgent(NodePodBackend):
    """Also the API server's `PodBackend`. Pods outlive `run`: the next agent adopts them."""

    def __init__(self, api: Api, config: ClusterConfig) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        """Bridge and addresses are there: one may listen on them, and pods can start."""
        self._node = Node(api, config, read_host(config))
        self._workers: dict[str, PodWorker] = {}
        self._ports = PortKeeper(self._node)
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Until cancelled. Raises RuntimeError when the network cannot be set up."""
        node = self._node
        node.nursery.warm()
        await node.in_network(node.network.ensure)
        await node.in_files(lambda: end_unnoted_shims(node.config))
        self.ready.set()
        self._claim_known_addresses()
        proxy = ServiceProxy(node.services, node.slices, self._apply_services, frozenset({node.config.dns_ip}))
        dns, binder = DnsServer(node.config, node.services, node.slices), ClaimBinder(node)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for task in (
                    node.events.run(),
                    keep_registered(node),
                    proxy.run(),
                    dns.run(),
                    binder.run(),
                    self._ports.run(),
                ):
                    group.create_task(task)
                group.create_task(node.services.run(lambda changes: _touch(proxy, dns, self._ports)))
                group.create_task(node.slices.run(lambda changes: _touch(proxy, dns)))
                group.create_task(node.claims.run(lambda changes: self._claims_changed(binder)))
                group.create_task(node.volumes.run(lambda changes: self._claims_changed(binder)))
                group.create_task(node.config_maps.run(self._references_changed))
                group.create_task(node.secrets.run(self._references_changed))
                for informer in (node.services, node.config_maps, node.secrets, node.claims, node.volumes):
                    await informer.synced.wait()
                group.create_task(node.pods.run(self._pods_changed))
                await node.pods.synced.wait()
                await self._remove_strangers()
        finally:
            node.close()

    async def _apply_services(self, ports: tuple[VirtualPort, ...]) -> None:
        await self._node.in_network(lambda: self._node.network.apply(ports))

    def _claim_known_addresses(self) -> None:
        """Addresses of pods that an earlier agent started are taken before any new one is given."""
        known = []
        for directory in self._node.config.pods_dir.glob("*"):
            note = read_note(directory)
            if note and note.get("ip") and note["ip"] != self._node.config.gateway_ip:
                known.append(IPv4Address(str(note["ip"])))
        self._node.addresses.reserve(known)

    def _pods_changed(self, changes: list[Change]) -> None:
        assert self._group is not None
        self._ports.touch()
        for change in changes:
            if change.new is None:
                self._pod_gone(change.old or {})
                continue
            pod = change.new
            uid = str(metadata(pod).get("uid", ""))
            if change.old is not None and metadata(change.old).get("uid") != uid:
                self._pod_gone(change.old)  # another pod took its name between two lists
            if not (pod.get("spec") or {}).get("nodeName"):
                if not metadata(pod).get("deletionTimestamp"):
                    self._group.create_task(schedule(self._node, pod))
                else:
                    self._start(uid, pod)  # never ran: the worker has nothing to stop and lets it go
            elif uid in self._workers:
                self._workers[uid].update(pod)
            elif (pod.get("spec") or {}).get("nodeName") == self._node.config.node_name:
                self._start(uid, pod)

    def _start(self, uid: str, pod: Body) -> None:
        if uid in self._workers:
            return
        assert self._group is not None
        self._workers[uid] = PodWorker(self._node, pod)
        self._group.create_task(self._work(uid))

    def _pod_gone(self, pod: Body) -> None:
        worker = self._workers.get(str(metadata(pod).get("uid", "")))
        if worker is not None:
            worker.update(None)

    async def _work(self, uid: str) -> None:
        """A worker that fails is started anew and adopts what its predecessor left."""
        while True:
            try:
                await self._workers[uid].work()
            except Exception:
                worker = self._workers[uid]
                task = asyncio.current_task()
                if (
                    task is not None and task.cancelling()
                ):  # the agent ends: whatever went wrong on the way doesn't matter
                    raise asyncio.CancelledError from None
                log.exception("pod %s: its worker failed; starting it again", worker.run.pod.metadata.name)
                await asyncio.sleep(_AFTER_A_CRASH)
                fresh = PodWorker(self._node, worker.run.last_body)
                if worker.run.body is None:
                    fresh.update(None)
                self._workers[uid] = fresh
                continue
            del self._workers[uid]
            return

    def _references_changed(self, changes: list[Change]) -> None:
        """Pods whose files or environment name a changed ConfigMap or Secret look again."""
        names = {(change.key.namespace, change.key.resource, change.key.name) for change in changes}
        images = ("configmaps", IMAGES_CONFIG_MAP[1])
        for worker in self._workers.values():
            namespace = worker.run.pod.metadata.namespace
            if any(where == namespace or (what, name) == images for where, what, name in names):
                worker.refresh_volumes()

    def _claims_changed(self, binder: ClaimBinder) -> None:
        binder.touch()
        for worker in self._workers.values():
            worker.run.wake()

    async def _remove_strangers(self) -> None:
        """Pods that were deleted while no agent ran: their processes and files go."""
        for directory in list(self._node.config.pods_dir.glob("*")):
            if directory.name in self._workers:
                continue
            pid = find(directory)
            if pid:
                with suppress(OSError):
                    await Sandbox(directory, pid, lambda record: None, lambda: None).destroy()
            await self._node.in_files(lambda where=directory: shutil.rmtree(where, ignore_errors=True))  # type: ignore[misc]


def _touch(*keepers: ServiceProxy | DnsServer | PortKeeper) -> None:
    for keeper in keepers:
        keeper.touch()
