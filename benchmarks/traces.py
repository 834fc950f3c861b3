"""Jaeger's place: how fast spans go in, and how long a search among a million takes. The real program over real HTTP.

    python -m benchmarks.traces [SPANS]

A span is as Envoy sends it: 16 attributes, four of them different in every span. Sender and server share the machine's
cores, so what goes in is a lower bound.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from benchmarks.figure import Figure
from tejer.envoy.proto import message_class
from tests.e2e.clusters import free_ports

SPANS, BATCH, SENDERS, A_TRACE = 1_000_000, 512, 4, 8
"""Spans in all, of one request, requests at once, spans of one trace."""
SERVICES = tuple(f"service-{number}.shop" for number in range(20))
FIXED = {
    "component": "proxy", "upstream_cluster": "inbound|9080||", "upstream_cluster.name": "inbound|9080||",
    "http.protocol": "HTTP/1.1", "http.method": "GET", "http.status_code": "200", "response_flags": "-",
    "istio.canonical_service": "reviews", "istio.mesh_id": "cluster.local", "istio.namespace": "shop",
    "node_id": "sidecar~10.0.0.1~reviews-v1-7d9f8b6c5d-x2x4z.shop~shop.svc.cluster.local", "user_agent": "curl/8",
}  # fmt: skip
VARYING = ("guid:x-request-id", "http.url", "peer.address", "response_size")
_MARK = b"0123456789abcdef0123456789abcdef"
REPEATS = 5


class Server(NamedTuple):
    pid: int
    query: str
    collector: str


def template() -> bytes:
    """A request of BATCH spans, with marks where each span differs from the next."""
    request: Any = message_class("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest")()
    for number in range(BATCH):
        if number % A_TRACE == 0:
            group = request.resource_spans.add()
            name = SERVICES[number // A_TRACE % len(SERVICES)]
            group.resource.attributes.add(key="service.name").value.string_value = name
            spans = group.scope_spans.add().spans
        began = time.time_ns()
        span = spans.add(
            trace_id=_MARK[:16], span_id=number.to_bytes(8, "big"), name=f"{name}:9080/*", kind=2,
            start_time_unix_nano=began, end_time_unix_nano=began + 1_000_000 * (number % 50 + 1),
        )  # fmt: skip
        if number % A_TRACE:
            span.parent_span_id = (number - 1).to_bytes(8, "big")
        for key, value in {**FIXED, **dict.fromkeys(VARYING, _MARK.decode())}.items():
            span.attributes.add(key=key).value.string_value = value
    return bytes(request.SerializeToString())


def bodies(count: int) -> Iterator[bytes]:
    """Requests whose traces and varying attributes nobody has seen before."""
    pattern = template()
    parts = pattern.split(_MARK[:16])
    marks = len(parts) - 1
    ids = 2 * len(VARYING) + 1  # a varying value is two marks long
    for _ in range(count):
        trace, filled = b"", []
        for number in range(marks):
            if number % (ids * A_TRACE) == 0:
                trace = os.urandom(16)
            filled.append(trace if number % ids == 0 else os.urandom(8).hex().encode())
        yield b"".join(piece for pair in zip(parts, [*filled, b""], strict=True) for piece in pair)


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Server]:
    query, grpc, http, zipkin = free_ports(4)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tejer.observe.traces.main", f"--storage.path={folder}/traces.db", "--storage.size=0",
        f"--query.port={query}", f"--otlp.grpc.port={grpc}", f"--otlp.http.port={http}", f"--zipkin.port={zipkin}",
        "--log.level=warning",
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{query}/healthz"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        yield Server(process.pid, f"http://127.0.0.1:{query}", f"http://127.0.0.1:{http}/v1/traces")
    finally:
        process.terminate()
        await process.wait()


def resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def fill(session: aiohttp.ClientSession, running: Server, count: int) -> float:
    """Seconds that `count` spans took."""
    waiting = bodies(count // BATCH)
    headers = {"Content-Type": "application/x-protobuf"}

    async def send() -> None:
        for body in waiting:
            async with session.post(running.collector, data=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(send())
    return time.monotonic() - began


def questions(some: Mapping[str, Any]) -> dict[str, str]:
    """By what is asked; `some` is a summary of one trace that there is."""
    service = random.choice(SERVICES)
    request = some["request"]

    def search(**query: str) -> str:
        return "/api/traces?" + urllib.parse.urlencode({"service": service, "limit": "20", **query})

    return {
        "latest of a service": search(),
        "by operation and duration": search(operation=f"{service}:9080/*", minDuration="49ms"),
        "by a duration that none has": search(minDuration="10s"),
        "by a tag that all have": search(tags=json.dumps({"http.method": "GET"})),
        "by a request id": search(service=some["service"], tags=json.dumps({"guid:x-request-id": request})),
        "by a tag that none has": search(tags=json.dumps({"http.status_code": "503"})),
        "summaries of all services": "/api/v3/trace-summaries?query.searchDepth=20",
        "one trace": f"/api/traces/{some['trace']}",
        "services": "/api/services",
    }


async def slowest(session: aiohttp.ClientSession, running: Server) -> tuple[str, float]:
    """The question that takes longest, and its median in milliseconds."""
    async with session.get(f"{running.query}/api/traces?service={SERVICES[0]}&limit=1") as answer:
        span = (await answer.json())["data"][0]["spans"][0]
    request = next(tag["value"] for tag in span["tags"] if tag["key"] == "guid:x-request-id")
    took = {}
    for name, path in questions({"service": SERVICES[0], "trace": span["traceID"], "request": request}).items():
        times = []
        for _ in range(REPEATS):
            began = time.monotonic()
            async with session.get(running.query + path) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
            times.append((time.monotonic() - began) * 1000)
        took[name] = sorted(times)[REPEATS // 2]
        print(f"  {name}: {took[name]:.1f} ms", file=sys.stderr)
    return max(took.items(), key=lambda item: item[1])


async def measure(count: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with server(Path(folder)) as running, aiohttp.ClientSession() as session:
            idle = resident_mb(running.pid)
            before = cpu_seconds(running.pid)
            seconds = await fill(session, running, count)
            cpu = (cpu_seconds(running.pid) - before) / count * 1e6
            name, longest = await slowest(session, running)
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / count
    each = f"{cpu:.0f} µs CPU and {size:.0f} bytes each"
    how = f"OTLP/HTTP protobuf, 16 attributes, {BATCH} a request, {count:,} spans, {each}"
    return [
        Figure("traces: one span in", seconds / count * 1e6, "µs", 100, f"{count / seconds:,.0f} spans/s: {how}"),
        Figure(f"traces: search among {count:,} spans", longest, "ms", 300, f"the slowest of nine kinds: {name}"),
        Figure("traces: idle server", idle, "MB", 60, "VmRSS after start"),
    ]


def figures(count: int = SPANS) -> list[Figure]:
    return asyncio.run(measure(count))


if __name__ == "__main__":
    for figure in figures(int(sys.argv[1]) if sys.argv[1:] else SPANS):
        print(f"{figure.what}: {figure.value:.3g} {figure.unit} (limit {figure.limit:g}), {figure.method}")
