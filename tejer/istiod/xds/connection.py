"""One proxy's ADS stream: its node, its state machine, and the loop that carries out the commands.

The transport is a pair of functions, so nothing here knows gRPC. Sending waits for the transport; meanwhile newer
snapshots replace older ones, so a slow proxy costs no memory and is brought to the newest state in one step.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import ProxyNode
from tejer.istiod.xds.protocol import SDS, SHORT_NAMES, Command, Rejected, Request, Send, Snapshot, Stream

log = logging.getLogger(__name__)

INBOX = 32
"""Requests read ahead of the state machine; a client that sends more waits."""


class Connection:
    """Made when a proxy has been authenticated; `serve` runs until the client leaves."""

    def __init__(
        self, node: ProxyNode, address: str, stream: Stream, metrics: Metrics, *, secrets: bool = False
    ) -> None:
        self.node, self.address, self.stream, self.metrics = node, address, stream, metrics
        self.secrets = secrets
        self.connected_at = time.time()
        self.id = f"{node.name}.{node.namespace}-{id(self):x}"
        self.rejections: deque[tuple[float, Rejected]] = deque(maxlen=20)
        self._inbox: deque[Request] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._wake = asyncio.Event()
        self._next: tuple[Snapshot, float] | None = None
        self._closed = False

    def deliver(self, snapshot: Snapshot, since: float) -> None:
        """A newer snapshot (see `pusher.Deliver`)."""
        earliest = self._next[1] if self._next else since
        self._next = (self.visible(snapshot), earliest)
        self._wake.set()

    def visible(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot without private keys, unless this client may have them."""
        if self.secrets or not snapshot.get(SDS):
            return snapshot
        return {url: resources for url, resources in snapshot.items() if url != SDS}

    async def receive(self, request: Request) -> None:
        """A message from the client; waits while too many are unread."""
        await self._room.wait()
        self._inbox.append(request)
        if len(self._inbox) >= INBOX:
            self._room.clear()
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def serve(self, send: Callable[[Send], Awaitable[None]]) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._closed:
                return
            while self._inbox:
                request = self._inbox.popleft()
                self._room.set()
                await self._carry_out(self.stream.receive(request, time.time()), send)
            if self._next is not None:
                (snapshot, since), self._next = self._next, None
                if since:
                    self.metrics.queue_time.observe(time.monotonic() - since)
                commands = self.stream.push(snapshot, time.time())
                await self._carry_out(commands, send)
                if commands and since:
                    self.metrics.convergence.observe(time.monotonic() - since)

    async def _carry_out(self, commands: list[Command], send: Callable[[Send], Awaitable[None]]) -> None:
        for command in commands:
            if isinstance(command, Rejected):
                self._rejected(command)
                continue
            started = time.monotonic()
            await send(command)
            self.metrics.send_time.observe(time.monotonic() - started)
            short = _metric_type(command.type_url)
            self.metrics.pushes.add(short)
            self.metrics.config_size.observe(sum(len(resource.body) for resource in command.resources), short)

    def _rejected(self, rejected: Rejected) -> None:
        self.rejections.append((time.time(), rejected))
        short = SHORT_NAMES.get(rejected.type_url, rejected.type_url)
        culprits = rejected.resources
        objects = sorted({str(key) for resource in culprits for key in resource.sources})
        log.warning(
            "%s: proxy %s.%s rejected %s: %s%s",
            short,
            self.node.name,
            self.node.namespace,
            ", ".join(resource.name for resource in culprits[:5]) or "the response",
            rejected.message,
            f" (made from {', '.join(objects[:5])})" if objects else "",
        )
        self.metrics.rejects.add(_metric_type(rejected.type_url))

    def rejecting(self, short: str) -> bool:
        """Does the proxy refuse something of this type ("cds") now?"""
        return any(watch.refusals and _metric_type(url) == short for url, watch in self.stream.watches.items())


def _metric_type(type_url: str) -> str:
    return SHORT_NAMES.get(type_url, type_url).lower()
