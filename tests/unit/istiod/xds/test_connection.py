"""A proxy's stream: requests and newer snapshots in, sends out; a slow proxy skips what is out of date."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import ProxyNode
from tejer.istiod.xds import debug
from tejer.istiod.xds.connection import Connection
from tejer.istiod.xds.delta import DeltaStream
from tejer.istiod.xds.protocol import CDS, Differences, Request, Send, Snapshot
from tejer.kube.resource import Key

NODE = ProxyNode(id="sidecar~1.2.3.4~web.shop~shop.svc.cluster.local", name="web", namespace="shop", version="1.28")


class Piece(msgspec.Struct, frozen=True):
    name: str
    version: str
    body: bytes = b""
    sources: tuple[Key, ...] = ()


def snapshot(version: str) -> Snapshot:
    return {CDS: {"a": Piece("a", version, b"", (Key("", "services", "shop", "a"),))}}


def test_a_slow_proxy_is_brought_to_the_newest_state_in_one_step() -> None:
    async def run() -> None:
        connection = Connection(NODE, "1.2.3.4:5", DeltaStream(snapshot("1"), Differences()), Metrics())
        sent: list[str] = []
        slow = asyncio.Event()

        async def send(command: Send) -> None:
            sent.extend(resource.version for resource in command.resources)
            await slow.wait()

        task = asyncio.get_running_loop().create_task(connection.serve(send))
        await connection.receive(Request(CDS))
        await asyncio.sleep(0.01)
        for version in ("2", "3", "4"):
            connection.deliver(snapshot(version), 1.0)
        slow.set()
        await asyncio.sleep(0.01)
        connection.close()
        await task
        assert sent == ["1", "4"]
        assert sum(connection.metrics.convergence.counts[()]) == 1

    asyncio.run(run())


def test_a_rejection_is_logged_with_the_object_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        metrics = Metrics()
        connection = Connection(NODE, "1.2.3.4:5", DeltaStream(snapshot("1"), Differences()), metrics)

        async def send(_: Send) -> None:
            return

        task = asyncio.get_running_loop().create_task(connection.serve(send))
        await connection.receive(Request(CDS))
        await connection.receive(Request(CDS, nonce="1", error="cluster a: bad"))
        await asyncio.sleep(0.01)
        [entry] = debug.syncz([connection], "istiod-0")
        assert entry["proxy"] == "web.shop" and entry["cluster_sent"] == "1" and entry["cluster_acked"] == ""
        assert entry["types"]["CDS"]["status"] == "ERROR" and entry["types"]["CDS"]["objects"] == ["services/shop/a"]
        assert debug.adsz([connection])["clients"][0]["rejections"][0]["message"] == "cluster a: bad"
        assert metrics.rejects.values == {("cds",): 1}
        assert connection.rejecting("cds") and not connection.rejecting("lds")
        connection.close()
        await task

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    expected = "CDS: proxy web.shop rejected a: cluster a: bad (made from services/shop/a)"
    assert [record.getMessage() for record in caplog.records] == [expected]


def test_a_client_that_floods_waits() -> None:
    async def run() -> None:
        connection = Connection(NODE, "1.2.3.4:5", DeltaStream(snapshot("1"), Differences()), Metrics())

        async def flood() -> None:
            for _ in range(1000):
                await connection.receive(Request(CDS, subscribe=("a",)))

        task = asyncio.get_running_loop().create_task(flood())
        await asyncio.sleep(0.05)
        assert not task.done() and len(connection._inbox) < 100
        task.cancel()

    asyncio.run(run())
