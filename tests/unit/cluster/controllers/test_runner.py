"""The controllers together with a real (in-process) API server and a node that makes every pod Ready at once."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.controllers.all import all_controllers
from tejer.cluster.controllers.runner import Runner
from tejer.cluster.pki import ensure_pki
from tejer.cluster.store.memory import MemoryStore
from tejer.kube.api import Api, ApiError
from tejer.kube.informer import Informer
from tejer.kube.resource import Body, Change, metadata
from tejer.kube.types import (
    CONFIGMAPS,
    CUSTOMRESOURCEDEFINITIONS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICES,
    ResourceType,
)

LIMIT = 20.0
THINGS = ResourceType("example.com", "v1", "things", "Thing")


class Node:
    """Instead of a node agent: pods run at once, and end at once."""

    def __init__(self, api: Api) -> None:
        self.api, self.count = api, 0
        self.work: asyncio.Queue[Body] = asyncio.Queue()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(Informer(self.api, PODS).run(self.changed))
            while True:
                await self.handle(await self.work.get())

    def changed(self, changes: list[Change]) -> None:
        for change in changes:
            if change.new is not None:
                self.work.put_nowait(change.new)

    async def handle(self, pod: Body) -> None:
        meta = metadata(pod)
        try:
            if meta.get("deletionTimestamp"):
                await self.api.delete(PODS, meta["name"], meta["namespace"], grace_period_seconds=0, uid=meta["uid"])
            elif pod["status"].get("phase") != "Running":
                self.count += 1
                ready = {"type": "Ready", "status": "True", "lastTransitionTime": meta["creationTimestamp"]}
                status = {"phase": "Running", "podIP": f"10.0.0.{self.count}", "conditions": [ready]}
                patch = {"status": status}
                await self.api.patch(PODS, meta["name"], meta["namespace"], patch, subresource="status")
        except ApiError as error:
            assert error.code in (404, 409), error


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT):
        while not await check():
            await asyncio.sleep(0.01)


def deployment(name: str = "web", **spec: object) -> Body:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "one"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template} | spec
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    directory: Path = tmp_path_factory.mktemp("pki")
    files = ensure_pki(directory, ["localhost"], ["127.0.0.1"])
    return TlsFiles(files.api_cert, files.api_key, files.ca_cert)


def run(tls: TlsFiles, scenario: Callable[[Api], Awaitable[None]]) -> None:
    """Server, controllers and node; then the scenario; then all of it away."""

    async def main() -> None:
        server = ApiServer(MemoryStore(), ServerConfig(tls=tls, port=0))
        await server.start()
        runner = Runner(server.local, all_controllers("PEM"))
        api = server.local("tester")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part) for part in (runner.run(), Node(server.local("node")).run())]
                await runner.ready.wait()
                await scenario(api)
                for task in tasks:
                    task.cancel()
        finally:
            await server.stop()

    asyncio.run(main())


async def rolled_out(api: Api, name: str = "web") -> bool:
    found = await api.get(DEPLOYMENTS, name, "default")
    status, wanted = found.get("status") or {}, found["spec"]["replicas"]
    current = status.get("observedGeneration") == found["metadata"]["generation"]
    counts = {status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")}
    return current and counts == {wanted}


async def count(api: Api, rtype: ResourceType, namespace: str = "default") -> int:
    return len((await api.list(rtype, namespace)).items)


def test_a_deployment_from_birth_to_death(tls: TlsFiles) -> None:
    async def scenario(api: Api) -> None:
        await api.create(DEPLOYMENTS, deployment())
        await eventually(lambda: rolled_out(api))
        assert await count(api, PODS) == 3
        image = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "two"}]}}}}
        await api.patch(DEPLOYMENTS, "web", "default", image)
        await eventually(lambda: rolled_out(api))
        pods = (await api.list(PODS, "default")).items
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"two"}
        assert await count(api, REPLICASETS) == 2
        await api.patch(DEPLOYMENTS, "web", "default", {"spec": {"replicas": 1}})
        await eventually(lambda: rolled_out(api))
        await api.delete(DEPLOYMENTS, "web", "default", propagation_policy="Background")

        async def nothing_left() -> bool:
            return not await count(api, PODS) and not await count(api, REPLICASETS)

        await eventually(nothing_left)

    run(tls, scenario)


def test_a_killed_pod_comes_back_and_the_slice_follows(tls: TlsFiles) -> None:
    async def scenario(api: Api) -> None:
        service = {"metadata": {"name": "web", "namespace": "default"},
                   "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}  # fmt: skip
        await api.create(SERVICES, {"apiVersion": "v1", "kind": "Service", **service})
        await api.create(DEPLOYMENTS, deployment(replicas=2))
        await eventually(lambda: rolled_out(api))
        victim = (await api.list(PODS, "default")).items[0]
        await api.delete(PODS, metadata(victim)["name"], "default")

        async def replaced() -> bool:
            pods = {pod["status"].get("podIP") for pod in (await api.list(PODS, "default")).items}
            slices = (await api.list(ENDPOINTSLICES, "default", label_selector="kubernetes.io/service-name=web")).items
            ready = {e["addresses"][0] for one in slices for e in one["endpoints"] if e["conditions"]["ready"]}
            return len(pods) == 2 and ready == pods and victim["status"]["podIP"] not in pods

        await eventually(replaced)

    run(tls, scenario)


def test_foreground_and_orphan(tls: TlsFiles) -> None:
    async def scenario(api: Api) -> None:
        await api.create(DEPLOYMENTS, deployment())
        await eventually(lambda: rolled_out(api))
        await api.delete(DEPLOYMENTS, "web", "default", propagation_policy="Orphan")

        async def orphaned() -> bool:
            sets = (await api.list(REPLICASETS, "default")).items
            return not await count(api, DEPLOYMENTS) and not any(metadata(rs).get("ownerReferences") for rs in sets)

        await eventually(orphaned)
        assert await count(api, PODS) == 3
        await api.create(DEPLOYMENTS, deployment())
        await eventually(lambda: rolled_out(api))
        assert await count(api, REPLICASETS) == 1
        await api.delete(DEPLOYMENTS, "web", "default", propagation_policy="Foreground")

        async def gone() -> bool:
            return not await count(api, DEPLOYMENTS)

        await eventually(gone)
        assert (await count(api, PODS), await count(api, REPLICASETS)) == (0, 0)

    run(tls, scenario)


def test_a_namespace_goes_with_all_that_is_in_it(tls: TlsFiles) -> None:
    async def scenario(api: Api) -> None:
        await api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "room"}})

        async def furnished() -> bool:
            return await count(api, CONFIGMAPS, "room") == 1

        await eventually(furnished)
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]
        names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
        crd = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
        await api.create(CUSTOMRESOURCEDEFINITIONS, {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.com"}, "spec": crd,
        })  # fmt: skip
        thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "room"}}
        await api.create(THINGS, thing)
        body = deployment()
        body["metadata"]["namespace"] = "room"
        await api.create(DEPLOYMENTS, body)
        await api.delete(NAMESPACES, "room")

        async def gone() -> bool:
            try:
                await api.get(NAMESPACES, "room")
            except ApiError as error:
                return error.code == 404
            return False

        await eventually(gone)
        assert await count(api, THINGS, "room") == 0

    run(tls, scenario)
