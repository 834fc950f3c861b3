"""The owner of the graph: coalescing, arrivals and departures, failures that stay one proxy's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import pytest

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import ProxyNode
from tejer.istiod.xds.protocol import Snapshot
from tejer.istiod.xds.pusher import Pusher
from tejer.kube.problem import Problem
from tejer.kube.resource import Change, Key


class View(msgspec.Struct, frozen=True):
    count: int


class FakeMesh:
    """Counts objects; a view is the count. `hold` makes `apply` wait, to see what queues up behind it."""

    def __init__(self) -> None:
        self.objects = 0
        self.applied: list[int] = []
        self.gone: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self.threads: set[str] = set()
        self._views: dict[int, View] = {}

    def apply(self, changes: Iterable[Change]) -> None:
        self.threads.add(threading.current_thread().name)
        self.hold.wait(5)
        number = len(list(changes))
        self.applied.append(number)
        self.objects += number

    def view(self, node: ProxyNode) -> View:
        if node.name == "bad":
            raise LookupError("no view")
        return self._views.setdefault(self.objects, View(self.objects))

    def disconnect(self, node: ProxyNode) -> None:
        self.gone.append(node.id)

    def problems(self) -> list[Problem]:
        return []


def render(view: View) -> Snapshot:
    return {"count": {}, str(view.count): {}}


def change(name: str) -> Change:
    return Change(Key("", "services", "ns", name), None, {})


Scenario = Callable[[Pusher[View], FakeMesh], Awaitable[None]]


def play(scenario: Scenario) -> None:
    async def run() -> None:
        mesh = FakeMesh()
        pusher = Pusher(mesh, render, Metrics())
        task = asyncio.get_running_loop().create_task(pusher.run())
        try:
            async with asyncio.timeout(5):
                await scenario(pusher, mesh)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def node(name: str) -> ProxyNode:
    return ProxyNode(id=name, name=name)


def test_changes_reach_a_connected_proxy_and_pile_up_while_the_owner_is_busy() -> None:
    async def scenario(pusher: Pusher[View], mesh: FakeMesh) -> None:
        got: asyncio.Queue[Snapshot] = asyncio.Queue()
        assert "0" in await pusher.connect(node("a"), lambda snapshot, _: got.put_nowait(snapshot))
        await got.get()  # what connect answered is delivered too
        mesh.hold.clear()
        pusher.submit([change("x")])
        await asyncio.sleep(0.05)
        for name in "abc":
            pusher.submit([change(name)])
        mesh.hold.set()
        seen = [await got.get(), await got.get()]
        assert mesh.applied == [1, 3] and "1" in seen[0] and "4" in seen[1]
        assert mesh.threads == {"mesh_0"}
        await pusher.settled()

    play(scenario)


def test_changes_of_one_turn_of_the_loop_are_one_batch() -> None:
    async def scenario(pusher: Pusher[View], mesh: FakeMesh) -> None:
        for name in "abc":
            pusher.submit([change(name)])
        await pusher.settled()
        assert mesh.applied == [3]

    play(scenario)


def test_a_proxy_is_forgotten_when_its_last_connection_goes() -> None:
    async def scenario(pusher: Pusher[View], mesh: FakeMesh) -> None:
        one, two = (lambda snapshot, since: None), (lambda snapshot, since: None)
        await pusher.connect(node("a"), one)
        await pusher.connect(node("a"), two)
        pusher.disconnect(node("a"), one)
        pusher.submit([change("x")])
        await pusher.settled()
        assert mesh.gone == []
        pusher.disconnect(node("a"), two)
        pusher.submit([change("y")])
        await pusher.settled()
        assert mesh.gone == ["a"]

    play(scenario)


def test_a_proxy_that_cannot_be_configured_is_told_and_the_others_go_on() -> None:
    async def scenario(pusher: Pusher[View], mesh: FakeMesh) -> None:
        got: asyncio.Queue[Snapshot] = asyncio.Queue()
        await pusher.connect(node("a"), lambda snapshot, _: got.put_nowait(snapshot))
        with pytest.raises(RuntimeError, match="no configuration"):
            await pusher.connect(node("bad"), lambda snapshot, _: None)
        pusher.submit([change("x")])
        await got.get()
        assert "1" in await got.get()

    play(scenario)
