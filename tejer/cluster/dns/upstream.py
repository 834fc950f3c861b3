"""Names outside the cluster: ask the host's resolvers, each for a short time only."""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path

_EACH_SECONDS = 2.0
RESOLV_CONF = Path("/etc/resolv.conf")


def resolvers(text: str) -> tuple[str, ...]:
    """The `nameserver` addresses of a resolv.conf, at most three, as the C library takes them."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                found.append(str(ipaddress.ip_address(words[1].partition("%")[0])))
            except ValueError:
                continue
    return tuple(found[:3])


async def ask_upstream(query: bytes, servers: tuple[str, ...], *, tcp: bool) -> bytes | None:
    """The first server's answer that comes, raw; None when none does."""
    for server in servers:
        try:
            async with asyncio.timeout(_EACH_SECONDS):
                return await (_ask_tcp(query, server) if tcp else _ask_udp(query, server))
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            continue
    return None


async def _ask_tcp(query: bytes, server: str) -> bytes:
    reader, writer = await asyncio.open_connection(server, 53)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, query: bytes) -> None:
        self.query = query
        self.received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[:2] == self.query[:2] and not self.received.done():
            self.received.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.received.done():
            self.received.set_exception(exc)


async def _ask_udp(query: bytes, server: str) -> bytes:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Answer(query), remote_addr=(server, 53)
    )
    try:
        transport.sendto(query)
        return await protocol.received
    finally:
        transport.close()
