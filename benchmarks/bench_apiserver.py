"""The API server alone: durable writes per second, a list of 10,000 pods, watch fan-out, memory.

    python benchmarks/bench_apiserver.py

One process, SQLite on the temporary directory's disk, client over TLS on the loopback in the same process (so the
figures hold both sides). Prints one line per measurement.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from apiserver import ADMIN_TOKEN, Authority  # type: ignore[import-not-found]

from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.store.sqlite import SqliteStore
from tejer.kube.api import Api
from tejer.kube.resource import Body
from tejer.kube.types import CONFIGMAPS, PODS, SERVICEACCOUNTS

PODS_COUNT = 10_000


def rss_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


def pod(number: int) -> Body:
    container = {
        "name": "main", "image": "finance-api:v1", "ports": [{"containerPort": 8000}],
        "env": [{"name": "A", "value": "1"}], "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}},
    }  # fmt: skip
    meta = {"name": f"pod-{number:05}", "namespace": "default", "labels": {"app": "finance-api", "version": "v1"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}


def report(what: str, value: float, unit: str) -> None:
    print(f"{what:<58}{value:>12,.1f} {unit}", flush=True)


async def sequential_patches(api: Api, count: int) -> None:
    await api.create(CONFIGMAPS, {"metadata": {"name": "busy", "namespace": "default"}})
    start = time.perf_counter()
    for number in range(count):
        await api.patch(CONFIGMAPS, "busy", "default", {"data": {"n": str(number)}})
    report("merge patches of a ConfigMap, one after another", count / (time.perf_counter() - start), "/s")


async def many_pods(api: Api) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
    await api.create(SERVICEACCOUNTS, account)
    gate = asyncio.Semaphore(64)

    async def create(number: int) -> None:
        async with gate:
            await api.create(PODS, pod(number))

    start = time.perf_counter()
    await asyncio.gather(*(create(number) for number in range(PODS_COUNT)))
    report("pod creations, 64 at once, in process", PODS_COUNT / (time.perf_counter() - start), "/s")


async def lists(session: aiohttp.ClientSession, url: str) -> None:
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    for what, query, headers in (
        ("list of 10,000 pods, JSON", "", {}),
        ("list of 10,000 pods, Table", "", table),
        ("first page of 500, Table", "?limit=500", table),
    ):
        start = time.perf_counter()
        async with session.get(f"{url}/api/v1/namespaces/default/pods{query}", headers=headers) as response:
            size = len(await response.read())
        report(f"{what} ({size / 1e6:.1f} MB)", (time.perf_counter() - start) * 1e3, "ms")


async def fan_out(session: aiohttp.ClientSession, url: str, api: Api, watchers: int, updates: int) -> None:
    revision = (await api.list(CONFIGMAPS, "default")).resource_version
    path = f"{url}/api/v1/namespaces/default/configmaps?watch=1&resourceVersion={revision}"
    last = f'"n":"u{updates - 1}"'.encode()

    async def watch() -> None:
        async with session.get(path) as response:
            async for line in response.content:
                if last in line:
                    return

    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(watch()) for _ in range(watchers)]
        await asyncio.sleep(2)
        start = time.perf_counter()
        for number in range(updates):
            await api.patch(CONFIGMAPS, "busy", "default", {"data": {"n": f"u{number}"}})
        await asyncio.wait(started)
    report(f"watch events, {watchers} watchers", watchers * updates / (time.perf_counter() - start), "/s")


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        authority = Authority(home)
        cert, key = authority.issue("apiserver", hosts=("127.0.0.1",))
        config = ServerConfig(tls=TlsFiles(cert, key, authority.ca), port=0, admin_token=ADMIN_TOKEN)
        server = ApiServer(SqliteStore(home / "store.db"), config)
        start = time.perf_counter()
        await server.start()
        report("first start", (time.perf_counter() - start) * 1e3, "ms")
        report("resident memory, empty cluster", rss_mb(), "MB")
        api, url = server.local("system:bench"), f"https://127.0.0.1:{server.port}"
        context = ssl.create_default_context(cafile=authority.ca)
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers, read_bufsize=2**20) as session:
            await sequential_patches(api, 2_000)
            await fan_out(session, url, api, watchers=200, updates=200)
            await many_pods(api)
            report("resident memory, 10,000 pods", rss_mb(), "MB")
            await lists(session, url)
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
