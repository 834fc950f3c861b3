"""A workload for traffic tests: servers of each protocol, and a driver that sends what a test asks from inside its pod.

Run by the annotation `tejer.io/command.<container>`; ports are in PORTS. The driver's port must be left out of capture
(`traffic.sidecar.istio.io/excludeInboundPorts`), so that a test can reach it whatever the mesh's policies say.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import tempfile

import driver
import echo
import grpc_health
import h2c
from aiohttp import web
from certificate import self_signed

HTTP = int(os.environ.get("HTTP_PORT", "8080"))
PORTS = {
    "http": int(os.environ.get("HTTP_PORT", "8080")),
    "h2c": 8081,
    "grpc": 8082,
    "tcp": 8083,
    "banner": 8084,
    "https": 8443,
    "driver": 9000,
}
BANNER = b"220 speaks first\n"
NAME = os.environ.get("POD_NAME", "")


async def tcp_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends back what comes; the first word `who` is answered with the pod's name."""
    try:
        while data := await reader.read(65536):
            writer.write(NAME.encode() + b"\n" if data.startswith(b"who") else data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A protocol whose server speaks first, as SMTP and MySQL do."""
    writer.write(BANNER)
    await tcp_echo(reader, writer)


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(self_signed("secure.test")))
        file.flush()
        context.load_cert_chain(file.name)
    return context


async def serve(application: web.Application, port: int, tls: ssl.SSLContext | None = None) -> None:
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port, ssl_context=tls).start()


async def main() -> None:
    await serve(driver.application(), PORTS["driver"])
    await serve(echo.application(NAME), PORTS["http"])
    await serve(echo.application(NAME), PORTS["https"], server_tls())
    await h2c.serve(PORTS["h2c"], NAME)
    await grpc_health.serve(PORTS["grpc"])
    await asyncio.start_server(tcp_echo, "0.0.0.0", PORTS["tcp"])
    await asyncio.start_server(banner, "0.0.0.0", PORTS["banner"])
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
