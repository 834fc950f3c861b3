"""Ends connections that an event loop would leave behind."""

from __future__ import annotations

import asyncio


async def hang_up() -> None:
    """Drop every connection of the running loop.

    A TLS connection that was closed waits for its peer's goodbye; a loop that ends before that leaves the socket to
    the garbage collector, whose warning then fails whatever test runs by then.
    """
    loop = asyncio.get_running_loop()
    for key in list(loop._selector.get_map().values()):  # type: ignore[attr-defined]  # nothing public knows them
        handles = [handle for handle in key.data if handle is not None]
        owners = [getattr(handle._callback, "__self__", None) for handle in handles]
        for owner in owners:
            if isinstance(owner, asyncio.Transport):
                owner.abort()
    await asyncio.sleep(0)  # what abort put off is done in the next round
    await asyncio.sleep(0)
