"""Ends connections that an event loop would leave behind."""

from __future__ import annotations

import asyncio


async def hang_up() -> None:
    """Drop every connection of the running loop.

    A TLS connection that was closed waits for its peer's goodbye; a loop that ends before that leaves the socket to
    the garbage collector, whose warning then fails whatever test runs by then.
    """
    loop = asyncio.get_running_loop()
    for transport in list(loop._transports.values()):  # type: ignore[attr-defined]  # nothing public knows them
        transport.abort()
    await asyncio.sleep(0)  # what abort put off is done in the next round
    await asyncio.sleep(0)
