"""Keeps the Service addresses in the kernel equal to Services and EndpointSlices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tejer.cluster.network.services import VirtualPort, virtual_ports
from tejer.kube.informer import Informer

log = logging.getLogger(__name__)

_COALESCE_SECONDS = 0.01
_RETRY_SECONDS = 2.0

Apply = Callable[[tuple[VirtualPort, ...]], Awaitable[None]]


class ServiceProxy:
    """`apply` puts a whole table in place. `reserved` addresses (the DNS server's) are not the kernel's to answer."""

    def __init__(self, services: Informer, slices: Informer, apply: Apply, reserved: frozenset[str]) -> None:
        self._services, self._slices, self._apply, self._reserved = services, slices, apply, reserved
        self._changed = asyncio.Event()
        self._changed.set()

    def touch(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        applied: tuple[VirtualPort, ...] | None = None
        await self._services.synced.wait()
        await self._slices.synced.wait()
        while True:
            await self._changed.wait()
            await asyncio.sleep(_COALESCE_SECONDS)
            self._changed.clear()
            ports = virtual_ports(self._services.store.values(), self._slices.store.values(), reserved=self._reserved)
            if ports == applied:
                continue
            try:
                await self._apply(ports)
                applied = ports
            except OSError as error:
                log.error("Service addresses not updated: %s; trying again", error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._changed.set()
