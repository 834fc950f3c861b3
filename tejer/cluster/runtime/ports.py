"""Keeps the machine's forwarded ports equal to Services and pods; a port that can't be had becomes an event."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tejer.cluster.network.forwards import Forwarder, wanted_forwards
from tejer.cluster.runtime.node import Node
from tejer.kube.resource import metadata

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
                async with asyncio.timeout(_RETRY_SECONDS if self._forwarder.refused else None):
                    await self._changed.wait()
            await asyncio.sleep(_COALESCE_SECONDS)
            self._changed.clear()
            wanted = wanted_forwards(node.services.store.values(), node.pods.store.values(), node.config)
            before = dict(self._forwarder.refused)
            await node.in_files(lambda wanted=wanted: self._forwarder.apply(wanted))  # type: ignore[misc]
            for service in list(node.services.store.values()):
                meta = metadata(service)
                why = self._forwarder.refused.get(f"service/{meta.get('namespace')}/{meta.get('name')}", "")
                if why and why not in before.values():
                    node.events.warning(service, "SyncLoadBalancerFailed", why, component="service-controller")
