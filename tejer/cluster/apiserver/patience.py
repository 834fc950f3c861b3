"""Ends connections that say nothing: one that never finishes its first request's head would be held for ever.

TLS handshakes and idle connections after a request have limits of their own (asyncio's, and aiohttp's keep-alive).
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Connection(Protocol):
    """aiohttp's `RequestHandler`, as far as it matters here."""

    def force_close(self) -> None: ...


class Patience:
    """`began` for each new connection, `heard` when a request of it has been read."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._silent: dict[Connection, asyncio.TimerHandle] = {}

    def began(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._silent[connection] = loop.call_later(self._seconds, self._end, connection)

    def heard(self, connection: Connection) -> None:
        timer = self._silent.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def _end(self, connection: Connection) -> None:
        del self._silent[connection]
        connection.force_close()
