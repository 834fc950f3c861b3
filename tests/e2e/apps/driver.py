"""Sends what a test asks for, from inside a pod: POST a JSON list of jobs to /, get their results in order.

A job is {"kind": "http"|"tcp"|"session"|"grpc"|"tls", "at_once": n, "times": n, ...}; see each function for the rest.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
from aiohttp import web
from grpclib.client import Channel
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest

Job = dict[str, Any]
Answer = dict[str, Any]


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # else each client reads all of the machine's root certificates


async def http(job: Job) -> Answer:
    """`method`, `url`, `headers`, `body`, `h2`: status 0 with `error` when there was no answer."""
    h2 = bool(job.get("h2"))
    async with httpx2.AsyncClient(http1=not h2, http2=h2, trust_env=False, verify=NO_TLS) as client:
        try:
            got = await client.request(
                job.get("method", "GET"), job["url"], headers=job.get("headers"), content=job.get("body"), timeout=20
            )
        except httpx2.TransportError as error:
            return {"status": 0, "error": f"{type(error).__name__}: {error}"}
    return {"status": got.status_code, "headers": dict(got.headers), "body": got.text, "version": got.http_version}


async def tcp(job: Job) -> Answer:
    """Connects to `host`:`port`, sends `send` unless empty, reads once, keeps it open for `hold` seconds.

    {data} or {error}, and `connected`: the seconds it took to connect.
    """
    start = time.monotonic()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(job["host"], job["port"]), 10)
        connected = time.monotonic() - start
        writer.write(job.get("send", "").encode())
        data = await asyncio.wait_for(reader.read(65536), job.get("timeout", 10))
        await asyncio.sleep(job.get("hold", 0))
        writer.close()
    except (OSError, TimeoutError) as error:
        return {"data": "", "error": f"{type(error).__name__}: {error}"}
    return {"data": data.decode(), "connected": connected}


async def session(job: Job) -> Answer:
    """One connection to `host`:`port`, an echo every 0.2 s for `hold` seconds: {echoes} or {error}."""
    echoes = 0
    try:
        reader, writer = await asyncio.open_connection(job["host"], job["port"])
        end = time.monotonic() + job["hold"]
        while time.monotonic() < end:
            writer.write(b"still here\n")
            await asyncio.wait_for(reader.readexactly(11), 5)
            echoes += 1
            await asyncio.sleep(0.2)
        writer.close()
    except (OSError, EOFError, TimeoutError) as error:
        return {"echoes": echoes, "error": f"{type(error).__name__}: {error}"}
    return {"echoes": echoes}


async def tls(job: Job) -> Answer:
    """A TLS handshake with `host`:`port`, with the certificate `cert_pem` and `key_pem` if given, then one request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["istio", "istio-http/1.1"])
    if "cert_pem" in job:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(job["cert_pem"] + job["key_pem"])
            file.flush()
            context.load_cert_chain(file.name)
    try:
        reader, writer = await asyncio.open_connection(job["host"], job["port"], ssl=context)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = await asyncio.wait_for(reader.read(65536), 10)
        writer.close()
    except (OSError, TimeoutError) as error:
        return {"data": "", "error": f"{type(error).__name__}: {error}"}
    return {"data": data.decode()}


async def grpc(job: Job) -> Answer:
    """A health check at `url`'s host and port: {status} SERVING, or the name of gRPC's error."""
    url = urlsplit(job["url"])
    channel = Channel(url.hostname, url.port)
    try:
        reply = await HealthStub(channel).Check(HealthCheckRequest(service=job.get("service", "")), timeout=10)
    except GRPCError as error:
        return {"status": error.status.name, "message": error.message}
    except OSError as error:
        return {"status": "", "error": f"{type(error).__name__}: {error}"}
    finally:
        channel.close()
    return {"status": {1: "SERVING"}.get(reply.status, str(reply.status))}


KINDS: dict[str, Callable[[Job], Awaitable[Answer]]] = {
    "http": http, "tcp": tcp, "session": session, "tls": tls, "grpc": grpc,
}  # fmt: skip


async def timed(job: Job) -> Answer:
    start = time.monotonic()
    answer = await KINDS[job["kind"]](job)
    return {**answer, "seconds": time.monotonic() - start}


async def run(job: Job) -> list[Answer]:
    if job.get("at_once"):
        return await asyncio.gather(*(timed(job) for _ in range(job["at_once"])))
    return [await timed(job) for _ in range(job.get("times", 1))]


async def answer(request: web.Request) -> web.Response:
    return web.json_response([await run(job) for job in await request.json()])


def application() -> web.Application:
    app = web.Application()
    app.router.add_post("/", answer)
    return app
