"""How fast a change reaches N proxies, and what istiod costs.

    python benchmarks/bench_istiod.py --proxies 100 --services 50

A real istiod process against the embedded API server (memory store); proxies are gRPC clients over mutual TLS in this
process that acknowledge everything, so they share the machine's cores with what is measured: the figures are upper
bounds. Latency runs from before the write to the API server until the proxy has the response in hand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp

from tejer.istiod.xds.protocol import CDS, EDS, LDS, RDS
from tejer.kube.api import Api, ApiError
from tejer.kube.client import HttpApi
from tejer.kube.kubeconfig import load
from tejer.kube.types import CONFIGMAPS, ENDPOINTSLICES, SERVICES, VIRTUALSERVICES
from tests.e2e.apiserver import RunningServer, running_server
from tests.e2e.istiod import (
    OPTIONS,
    DeltaClient,
    client_tls,
    delta_client,
    free_port,
    make_csr,
    make_pod,
    prepare,
    request_certificate,
    token,
)


class Clients:
    """The proxies; `arrivals` collects when each got a response of the awaited type that holds the awaited name."""

    def __init__(self) -> None:
        self.waiting_for = ("", "")
        self.arrivals: list[float] = []
        self.received = 0

    async def follow(self, client: DeltaClient) -> None:
        for url in (CDS, LDS):
            await client.send(url)
        known: set[str] = set()
        while True:
            response = await client.receive(timeout=3600)
            self.received += 1
            names = [resource.name for resource in response.resources]
            if response.type_url == self.waiting_for[0] and self.waiting_for[1] in names:
                self.arrivals.append(time.monotonic())
            fresh = [name for name in names if name not in known and name.startswith("outbound")]
            if response.type_url == CDS and fresh:
                known.update(fresh)
                await client.send(EDS, fresh)
            if response.type_url == LDS and RDS not in known:
                known.add(RDS)
                await client.send(RDS, ["80"])


@asynccontextmanager
async def istiod_process(kubeconfig: Path) -> AsyncIterator[tuple[int, dict[str, int]]]:
    ports = {name: free_port() for name in ("HTTP", "PLAINTEXT", "GRPC", "MONITORING", "WEBHOOK")}
    environment = {
        **os.environ, "KUBECONFIG": str(kubeconfig), "POD_NAME": "istiod-bench", "TEJER_ISTIOD_ADDRESS": "127.0.0.1",
        "TEJER_LOG_LEVEL": "WARNING", **{f"TEJER_{name}_PORT": str(port) for name, port in ports.items()},
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tejer.istiod.main", env=environment)
    try:
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{ports['HTTP']}/ready") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        yield process.pid, ports
    finally:
        process.terminate()
        await process.wait()


def memory(pid: int) -> str:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Rss:", "Pss:"))}
    return f"RSS {found['Rss'] / 1024:.0f} MB, PSS {found['Pss'] / 1024:.0f} MB"


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def service(name: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    meta = {"name": name, "namespace": "bench"}
    return {"metadata": meta, "spec": {"ports": ports, "selector": {"app": name}}}


def endpoints(name: str, last: int) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "bench", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [f"10.9.{n}.{last}"], "conditions": {"ready": True}} for n in range(10)],
    }  # fmt: skip


async def measure(what: str, clients: Clients, count: int, pid: int, rounds: int, change: Any, wanted: Any) -> None:
    last: list[float] = []
    every: list[float] = []
    spent = cpu(pid)
    for number in range(rounds):
        clients.waiting_for, clients.arrivals = wanted, []
        started = time.monotonic()
        await change(number)
        async with asyncio.timeout(30):
            while len(clients.arrivals) < count:
                await asyncio.sleep(0.001)
        every += [(arrival - started) * 1000 for arrival in clients.arrivals]
        last.append((max(clients.arrivals) - started) * 1000)
        await asyncio.sleep(0.05)
    each = (cpu(pid) - spent) / rounds * 1000
    every.sort()
    print(
        f"{what:18} p50 {statistics.median(every):6.1f} ms  p99 {every[int(len(every) * 0.99)]:6.1f} ms  "
        f"last proxy p50 {statistics.median(last):6.1f} ms  max {max(last):6.1f} ms  istiod CPU {each:5.1f} ms a change"
    )


async def bench(server: RunningServer, proxies: int, workloads: int, services: int, rounds: int) -> None:
    async with HttpApi(load([server.kubeconfig()])) as admin, AsyncExitStack() as stack:
        await prepare(admin)
        pod = await make_pod(admin, "bench", "client", {"app": "client"})
        for number in range(services):
            await admin.create(SERVICES, service(f"s{number}"))
            await admin.create(ENDPOINTSLICES, endpoints(f"s{number}", 1))
        bearer = await token(admin, OPTIONS.namespace, "istiod", audience="")
        started = time.monotonic()
        pid, ports = await stack.enter_async_context(istiod_process(server.kubeconfig("istiod", token=bearer)))
        print(f"istiod ready in {time.monotonic() - started:.1f} s; {services} services; {memory(pid)}")
        root = await root_of(admin)
        csr, key = make_csr()
        chain = await request_certificate(ports["GRPC"], root, await token(admin, "bench", "client", pod), csr)
        tls, clients = client_tls(root, chain[0], key), Clients()
        group = await stack.enter_async_context(asyncio.TaskGroup())
        started, before = time.monotonic(), cpu(pid)
        tasks = []
        for number in range(proxies):
            node = f"sidecar~10.0.{number >> 8}.{number & 255}~client-{number}.bench~bench.svc.cluster.local"
            client = await stack.enter_async_context(
                delta_client(
                    ports["GRPC"], tls, node, SERVICE_ACCOUNT="client", NAMESPACE="bench", LABELS={"app": "client"},
                    WORKLOAD_NAME=f"client-{number % workloads}",
                )
            )  # fmt: skip
            tasks.append(group.create_task(clients.follow(client)))
        while clients.received < 4 * proxies:
            await asyncio.sleep(0.01)
        wall, spent = time.monotonic() - started, cpu(pid) - before
        print(f"{proxies} proxies configured in {wall:.1f} s, {spent:.1f} s of istiod's CPU; {memory(pid)}")
        await run_changes(admin, clients, proxies, pid, rounds)
        idle = cpu(pid)
        await asyncio.sleep(5)
        print(f"idle with {proxies} proxies: {(cpu(pid) - idle) / 5 * 100:.1f} % of a core; {memory(pid)}")
        for task in tasks:
            task.cancel()


async def run_changes(admin: Api, clients: Clients, proxies: int, pid: int, rounds: int) -> None:
    route = {"route": [{"destination": {"host": "s0"}}], "timeout": "1s"}
    meta = {"name": "s0", "namespace": "bench"}
    await admin.create(VIRTUALSERVICES, {"metadata": meta, "spec": {"hosts": ["s0"], "http": [route]}})
    await asyncio.sleep(1)

    async def change_route(number: int) -> None:
        spec = {"hosts": ["s0"], "http": [route | {"timeout": f"{number + 2}s"}]}
        await admin.patch(VIRTUALSERVICES, "s0", "bench", {"spec": spec})

    async def change_endpoint(number: int) -> None:
        await admin.patch(ENDPOINTSLICES, "s0", "bench", endpoints("s0", number + 2))

    name = "outbound|80||s0.bench.svc.cluster.local"
    await measure("route change", clients, proxies, pid, rounds, change_route, (RDS, "80"))
    await measure("endpoint change", clients, proxies, pid, rounds, change_endpoint, (EDS, name))


async def root_of(admin: Api) -> str:
    while True:
        try:
            found = await admin.get(CONFIGMAPS, "istio-ca-root-cert", "bench")
            return str(found["data"]["root-cert.pem"])
        except ApiError:
            await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxies", type=int, default=100)
    parser.add_argument(
        "--workloads", type=int, default=0, help="of which the proxies are replicas (default: all differ)"
    )
    parser.add_argument("--services", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, running_server(Path(directory)) as server:
        asyncio.run(
            bench(server, options.proxies, options.workloads or options.proxies, options.services, options.rounds)
        )


if __name__ == "__main__":
    main()
