"""gRPC's health service: SERVING for "", NOT_FOUND for services it doesn't know."""

from __future__ import annotations

from grpclib.health.service import Health
from grpclib.server import Server


async def serve(port: int) -> Server:
    server = Server([Health()])
    await server.start("0.0.0.0", port)
    return server
