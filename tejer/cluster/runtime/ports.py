"""Keeps the machine's forwarded ports equal to Services and pods, and says so in their status and events."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from tejer.cluster.network.forwards import LOOPBACK, Forwarder, wanted_forwards
from tejer.cluster.runtime.node import Node
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata
from tejer.kube.types import SERVICES

log = logging.getLogger(__name__)

_COALESCE_SECONDS = 0.02
_RETRY_SECONDS = 5.0


class PortKeeper:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._forwarder = Forwarder(node.config)
        self._changed = asyncio.Event()
        self._changed.set()

    def touch(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        node = self._node
        await node.services.synced.wait()
        await node.pods.synced.wait()
        while True:
            with suppress(TimeoutError):  # a port that was taken may be free now
                await asyncio.wait_for(self._changed.wait(), _RETRY_SECONDS if self._forwarder.refused else None)
            await asyncio.sleep(_COALESCE_SECONDS)
            self._changed.clear()
            wanted = wanted_forwards(node.services.store.values(), node.pods.store.values(), node.config)
            before = dict(self._forwarder.refused)
            await node.in_files(lambda wanted=wanted: self._forwarder.apply(wanted))  # type: ignore[misc]
            for service in list(node.services.store.values()):
                await self._report(service, set(wanted), before)

    async def _report(self, service: Body, wanted: set[str], before: dict[str, str]) -> None:
        meta = metadata(service)
        key = f"service/{meta.get('namespace')}/{meta.get('name')}"
        if key not in wanted:
            return
        why = self._forwarder.refused.get(key, "")
        if why and before.get(key) != why:
            self._node.events.warning(service, "SyncLoadBalancerFailed", why, component="service-controller")
        ingress = [] if why else [{"ip": LOOPBACK}]
        old = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        if [each.get("ip") for each in old] == [each["ip"] for each in ingress]:
            return
        patch = {"status": {"loadBalancer": {"ingress": ingress or None}}}
        try:
            await self._node.api.patch(SERVICES, str(meta["name"]), str(meta["namespace"]), patch, subresource="status")
        except ApiError as error:
            log.warning("%s: its status was not written: %s", key, error.message)
