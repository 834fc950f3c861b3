"""A client that sends HTTP requests at a fixed rate and prints the latencies it saw. Runs inside a pod.

    python -m benchmarks.pods.steady URL RATE SECONDS

Requests are due at fixed times and their latency counts from then on, so a slow answer also delays the figures of
those behind it (no coordinated omission). Prints one JSON line: sent, failed, and latencies in ms at percentiles.
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import urlsplit

CONNECTIONS = 8


async def worker(host: str, port: int, request: bytes, turns: asyncio.Queue[float], seen: list[float]) -> int:
    """Take due times from the queue until it gives a negative one; returns how many requests failed."""
    reader, writer = await asyncio.open_connection(host, port)
    loop, failed = asyncio.get_running_loop(), 0
    while (due := await turns.get()) >= 0:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        failed += not head.startswith(b"HTTP/1.1 200")
        seen.append((loop.time() - due) * 1000)
    writer.close()
    return failed


async def run(url: str, rate: float, seconds: float) -> dict[str, float]:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    turns: asyncio.Queue[float] = asyncio.Queue()
    seen: list[float] = []
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(worker(host, port, request, turns, seen)) for _ in range(CONNECTIONS)]
        loop = asyncio.get_running_loop()
        start = loop.time() + 0.2
        for turn in range(int(rate * seconds)):
            due = start + turn / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            # A sleep ends late by the timer's grain: count from when the request could be sent.
            turns.put_nowait(max(due, loop.time()))
        for _ in workers:
            turns.put_nowait(-1)
    seen.sort()
    percentile = {f"p{p}": round(seen[min(len(seen) - 1, int(len(seen) * p / 100))], 3) for p in (50, 90, 99)}
    return {"sent": len(seen), "failed": sum(task.result() for task in workers), **percentile}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))))
