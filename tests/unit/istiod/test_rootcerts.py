"""The root certificate's ConfigMap: where it is missing or wrong, and that the leader repairs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tejer.istiod.leader import Leader
from tejer.istiod.rootcerts import ENTRY, NAME, RootCerts, missing
from tejer.kube.api import Api
from tejer.kube.informer import Informer
from tejer.kube.resource import Body, Key
from tejer.kube.types import CONFIGMAPS, NAMESPACES

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]


def _namespace(name: str, **meta: str) -> Body:
    return {"metadata": {"name": name, **meta}}


def test_where_it_is_missing_or_wrong() -> None:
    wrong = {"data": {ENTRY: "old"}}
    held = {
        Key("", "configmaps", "good", NAME): {"data": {ENTRY: "root"}},
        Key("", "configmaps", "wrong", NAME): wrong,
    }
    namespaces = [_namespace(name) for name in ("good", "wrong", "new", "kube-system")]
    namespaces.append(_namespace("leaving", deletionTimestamp="now"))
    assert missing(namespaces, held, "root") == [("wrong", wrong), ("new", None)]


def test_the_leader_writes_and_repairs_it(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        roots = ["one"]
        leader = Leader(api, "istio-system", "a")
        namespaces, held = Informer(api, NAMESPACES), Informer(api, CONFIGMAPS)
        certs = RootCerts(api, leader, lambda: roots[0], namespaces.store, held.store)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(namespaces.run(lambda _: certs.look())),
                group.create_task(held.run(lambda _: certs.look())),
                group.create_task(certs.run()),
            ]
            await asyncio.sleep(0.1)
            assert not held.store, "who doesn't lead writes nothing"
            leader.elected.set()
            await api.create(NAMESPACES, _namespace("shop"))
            await _eventually(api, "one")
            await api.patch(CONFIGMAPS, NAME, "shop", {"data": {ENTRY: "tampered"}})
            await _eventually(api, "one")
            roots[0] = "two"
            certs.look()
            await _eventually(api, "two")
            for task in tasks:
                task.cancel()

    with_api(scenario)


async def _eventually(api: Api, root: str) -> None:
    async with asyncio.timeout(5):
        while True:
            found = {
                item["metadata"]["namespace"]: item["data"][ENTRY]
                for item in (await api.list(CONFIGMAPS)).items
                if item["metadata"]["name"] == NAME
            }
            if found.get("shop") == found.get("istio-system") == root:
                return
            await asyncio.sleep(0.02)
