"""An API server without sockets, for tests that speak to it in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.store.memory import MemoryStore

Test = Callable[[ApiServer], Awaitable[None]]


@pytest.fixture
def with_server() -> Callable[[Test], None]:
    """Runs a test's coroutine with an opened server on a store in memory."""

    def run(test: Test) -> None:
        async def main() -> None:
            nothing = Path("/nonexistent")
            server = ApiServer(MemoryStore(window=200), ServerConfig(tls=TlsFiles(nothing, nothing, nothing)))
            await server.open()
            try:
                async with asyncio.timeout(30):
                    await test(server)
            finally:
                await server.stop()

        asyncio.run(main())

    return run
