"""`Pusher`: one thread owns the mesh's graph; changes go in from informers, snapshots come out to connections.

Nothing is delayed by a timer: what arrives while the owner is busy (or within one turn of the event loop) is applied
together in its next turn. Translation runs in the owner's thread, so a slow one never holds up the connections.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, Protocol, TypeVar

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import ProxyNode
from tejer.istiod.xds.protocol import Snapshot
from tejer.istiod.xds.updates import causes, count_updates
from tejer.kube.problem import Problem
from tejer.kube.resource import Change

log = logging.getLogger(__name__)

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
T = TypeVar("T")


class Mesh(Protocol[V_co]):
    """What the pusher needs of `tejer.istiod.model.mesh.MeshState`."""

    def apply(self, changes: Iterable[Change]) -> None: ...
    def view(self, node: ProxyNode) -> V_co: ...
    def disconnect(self, node: ProxyNode) -> None: ...
    def problems(self) -> list[Problem]: ...


Deliver = Callable[[Snapshot, float], None]
"""Takes a proxy's new snapshot and when (time.monotonic) the change that made it arrived."""


class _Proxy(NamedTuple):
    node: ProxyNode
    deliver: list[Deliver]


class _Work(NamedTuple):
    """One turn of the owner: changes first, then proxies that came and went."""

    changes: list[Change]
    since: float
    arrived: list[ProxyNode]
    left: list[ProxyNode]
    nodes: list[ProxyNode]


class Pusher(Generic[V]):
    """`render` turns a view into a snapshot; equal views must give the same object. Run `run()` in a TaskGroup."""

    def __init__(self, mesh: Mesh[V], render: Callable[[V], Snapshot], metrics: Metrics) -> None:
        self.mesh, self.render, self.metrics = mesh, render, metrics
        self.problems: list[Problem] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mesh")
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._changes: list[Change] = []
        self._since = 0.0
        self._proxies: dict[str, _Proxy] = {}
        self._waiting: dict[str, list[asyncio.Future[Snapshot]]] = {}
        self._left: list[ProxyNode] = []
        self._last: dict[str, tuple[V, Snapshot]] = {}  # the owner's thread alone touches this

    def submit(self, changes: list[Change]) -> None:
        """Take changes of objects (called by informers, on the loop)."""
        if not self._changes:
            self._since = time.monotonic()
        self._changes += changes
        count_updates(self.metrics, changes)
        self._idle.clear()
        self._wake.set()

    async def settled(self) -> None:
        """Wait until all changes that were submitted have been taken in."""
        await self._idle.wait()

    async def connect(self, node: ProxyNode, deliver: Deliver) -> Snapshot:
        """The proxy's snapshot now; `deliver` is called on the loop with each later one until `disconnect`.

        Raises RuntimeError when no configuration could be made for it.
        """
        known = self._proxies.get(node.key)
        self._proxies[node.key] = _Proxy(node, [*(known.deliver if known else ()), deliver])
        future: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(node.key, []).append(future)
        self._wake.set()
        try:
            return await future
        except BaseException:
            self.disconnect(node, deliver)
            raise

    def disconnect(self, node: ProxyNode, deliver: Deliver) -> None:
        known = self._proxies.get(node.key)
        if known is None or deliver not in known.deliver:
            return
        known.deliver.remove(deliver)
        if not known.deliver:
            del self._proxies[node.key]
            self._left.append(known.node)
            self._wake.set()

    async def inspect(self, question: Callable[[], T]) -> T:
        """Ask something of the mesh in its owner's thread (debug pages)."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    async def run(self) -> None:
        """The owner's turns, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(0)  # let this turn of the loop deliver what it has
                self._wake.clear()
                work, waiting = self._take()
                started = time.monotonic()
                ready = await loop.run_in_executor(self._thread, self._turn, work)
                self.metrics.push_time.observe(time.monotonic() - started)
                for cause in causes(work.changes, work.arrived):
                    self.metrics.triggers.add(cause)
                self._deliver(work, ready, waiting)
                if not self._wake.is_set():
                    self._idle.set()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> tuple[_Work, dict[str, list[asyncio.Future[Snapshot]]]]:
        waiting, self._waiting = self._waiting, {}
        changes, self._changes = self._changes, []
        left, self._left = [node for node in self._left if node.key not in self._proxies], []
        arrived = [self._proxies[key].node for key in waiting if key in self._proxies]
        nodes = [proxy.node for proxy in self._proxies.values()] if changes or left else []
        return _Work(changes, self._since, arrived, left, nodes), waiting

    def _turn(self, work: _Work) -> dict[str, Snapshot]:
        """In the owner's thread: bring the graph up to date; the snapshots that are new."""
        for node in work.left:
            self.mesh.disconnect(node)
            self._last.pop(node.key, None)
        if work.changes:
            self._apply(work.changes)
        ready: dict[str, Snapshot] = {}
        for node in {node.key: node for node in (*work.nodes, *work.arrived)}.values():
            try:
                view = self.mesh.view(node)
                last = self._last.get(node.key)
                if last is None or last[0] is not view:
                    snapshot = self.render(view)
                    if last is None or last[1] is not snapshot:
                        ready[node.key] = snapshot
                    self._last[node.key] = (view, snapshot)
            except Exception:  # one proxy's failure must not stop the others; it keeps what it has
                log.exception("no configuration could be made for proxy %s", node.id)
                self.metrics.internal_errors.add()
        for node in work.arrived:
            if (known := self._last.get(node.key)) is not None:
                ready.setdefault(node.key, known[1])
        return ready

    def _apply(self, changes: list[Change]) -> None:
        started = time.monotonic()
        try:
            self.mesh.apply(changes)
            self.problems = self.mesh.problems()
        except Exception:  # a fault of ours in one object must not stop the control plane
            log.exception("the mesh could not take in: %s", ", ".join(str(change.key) for change in changes[:20]))
            self.metrics.internal_errors.add()
        self.metrics.take_in_time.observe(time.monotonic() - started)

    def _deliver(
        self, work: _Work, ready: dict[str, Snapshot], waiting: dict[str, list[asyncio.Future[Snapshot]]]
    ) -> None:
        for key, snapshot in ready.items():
            for deliver in proxy.deliver if (proxy := self._proxies.get(key)) else ():
                deliver(snapshot, work.since)
        for key, futures in waiting.items():
            for future in futures:
                if future.done():
                    continue
                if key in ready:
                    future.set_result(ready[key])
                else:
                    future.set_exception(RuntimeError("no configuration could be made for this proxy (see the log)"))
