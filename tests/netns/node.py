"""A node agent on the real machine, with the API server's storage and admission in process. Needs root."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tejer.cluster.apiserver.backend import LogOptions
from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.config import ClusterConfig
from tejer.cluster.runtime.agent import NodeAgent
from tejer.cluster.runtime.teardown import teardown
from tejer.cluster.store.memory import MemoryStore
from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body, metadata
from tejer.kube.types import CONFIGMAPS, ENDPOINTSLICES, EVENTS, PODS, SERVICEACCOUNTS, SERVICES
from tests.support.networks import free_subnet

PATIENCE = 20.0
RUN = free_subnet(200)
"""Second octet of this test run's networks: two runs on one machine don't meet."""
Check = Callable[[Body], bool]


def pod_network(number: int) -> str:
    return f"10.{RUN}.{number}.0/24"


def service_network(number: int) -> str:
    return f"10.{RUN}.{100 + number}.0/24"


def service_address(number: int, last: int) -> str:
    return f"10.{RUN}.{100 + number}.{last}"


def require_namespaces() -> None:
    """Skip, with the reason, where network namespaces can't be made; fail there when CI=true."""
    reason = "" if os.geteuid() == 0 else "needs root to make network namespaces"
    if not reason and not Path("/proc/self/ns/net").exists():
        reason = "this kernel has no network namespaces"
    if not reason:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run this: {reason}")
    pytest.skip(reason)


class Cluster:
    """One test's node. `api` is an administrator's."""

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config
        files = TlsFiles(config.home / "cert", config.home / "key", config.home / "ca")
        self.server = ApiServer(MemoryStore(), ServerConfig(tls=files, service_cidr=config.service_cidr))
        self.agent: NodeAgent

    @property
    def api(self) -> Api:
        return self.server.local("admin")

    async def open(self) -> None:
        await self.server.open()
        await self._make("default")

    async def _make(self, namespace: str) -> None:
        meta = {"name": "default", "namespace": namespace}
        account: Body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
        meta = {"name": "kube-root-ca.crt", "namespace": namespace}
        roots: Body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"ca.crt": "the root\n"}}
        await self.api.create(SERVICEACCOUNTS, account, namespace)
        await self.api.create(CONFIGMAPS, roots, namespace)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """An agent for as long as the body runs; leaving it is the daemon's death, pods stay."""
        self.agent = NodeAgent(self.server.local("system:node:tejer"), self.config)
        task = asyncio.get_running_loop().create_task(self.agent.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError

    async def pod(self, name: str, *containers: Body, labels: dict[str, str] | None = None, **spec: object) -> Body:
        body = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": labels or {"app": name}},
            "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 2, **spec},
        }  # fmt: skip
        return await self.api.create(PODS, body, "default")

    async def get(self, name: str) -> Body:
        return await self.api.get(PODS, name, "default")

    async def until(self, name: str, check: Check, what: str = "") -> Body:
        """The pod once `check` holds."""
        deadline = time.monotonic() + PATIENCE
        while True:
            body = await self.get(name)
            if check(body):
                return body
            if time.monotonic() > deadline:
                raise AssertionError(f"pod {name}: {what or check}: {body.get('status')}")
            await asyncio.sleep(0.02)

    async def ready(self, name: str) -> Body:
        return await self.until(name, is_ready, "ready")

    async def gone(self, name: str) -> None:
        async def absent() -> bool:
            try:
                await self.get(name)
            except ApiError as error:
                return error.code == 404
            return False

        await eventually(absent, f"pod {name} gone")

    async def service(self, name: str, address: str, port: int, target: int, *pods: Body) -> None:
        """A Service and the EndpointSlice that its controller would make."""
        spec: Body = {"clusterIP": address, "selector": {"app": name},
                "ports": [{"name": "http", "port": port, "targetPort": target, "protocol": "TCP"}]}  # fmt: skip
        meta = {"name": name, "namespace": "default"}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
        await self.api.create(SERVICES, body, "default")
        endpoints = [{"addresses": [pod["status"]["podIP"]], "conditions": {"ready": True}} for pod in pods]
        slice_: Body = {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": f"{name}-x", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": target, "protocol": "TCP"}], "endpoints": endpoints,
        }  # fmt: skip
        await self.api.create(ENDPOINTSLICES, slice_, "default")

    async def run_in(self, name: str, *command: str, container: str = "main") -> tuple[int, str]:
        """Exit code and both outputs of a command in the pod's container."""
        session = await self.agent.exec(await self.get(name), container, list(command), tty=False, stdin=False)
        try:
            said = b""
            async for _, data in session.output():
                said += data
            return await session.wait(), said.decode()
        finally:
            await session.close()

    async def log(self, name: str, container: str = "main", options: LogOptions = LogOptions()) -> str:  # noqa: B008
        return b"".join([chunk async for chunk in self.agent.logs(await self.get(name), container, options)]).decode()

    async def says(self, name: str, text: str) -> None:
        """Once the container's log is `text`."""

        async def said() -> bool:
            try:
                return await self.log(name) == text
            except ApiError:  # it has not started yet
                return False

        await eventually(said, f"pod {name} says {text!r}")

    async def events(self, name: str) -> list[Body]:
        found = await self.api.list(EVENTS, "default")
        return [event for event in found.items if event["involvedObject"]["name"] == name]

    async def has_event(self, name: str, reason: str) -> Body:
        found: list[Body] = []

        async def there() -> bool:
            found[:] = [event for event in await self.events(name) if event["reason"] == reason]
            return bool(found)

        await eventually(there, f"event {reason} of {name}")
        return found[0]


@asynccontextmanager
async def cluster(home: Path, number: int = 1) -> AsyncIterator[Cluster]:
    """A cluster with networks of its own; nothing of it is left afterwards."""
    config = ClusterConfig(home=home, pod_cidr=pod_network(number), service_cidr=service_network(number))
    config.home.mkdir(parents=True, exist_ok=True)
    made = Cluster(config)
    await made.open()
    try:
        yield made
    finally:
        try:
            await made.server.stop()
        finally:
            teardown(config)


async def eventually(check: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await check():
        if time.monotonic() > deadline:
            raise AssertionError(what)
        await asyncio.sleep(0.02)


def is_ready(pod: Body) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def container(image: str = "tejer/host", *command: str, name: str = "main", **more: object) -> Body:
    return {"name": name, "image": image, **({"command": list(command)} if command else {}), **more}


def status_of(pod: Body, name: str = "main") -> Body:
    statuses = (pod["status"].get("containerStatuses") or []) + (pod["status"].get("initContainerStatuses") or [])
    return next((each for each in statuses if each["name"] == name), {})


def uid_of(pod: Body) -> str:
    return str(metadata(pod)["uid"])
