"""A cluster in this process for istiod's parts that write: the embedded API server without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tejer.cluster.apiserver.config import ServerConfig, TlsFiles
from tejer.cluster.apiserver.server import ApiServer
from tejer.cluster.store.memory import MemoryStore
from tejer.kube.api import Api
from tejer.kube.types import NAMESPACES

Scenario = Callable[[Api], Awaitable[None]]


@pytest.fixture
def with_api() -> Callable[[Scenario], None]:
    """Runs a scenario with an all-powerful `Api` on an empty cluster that has the namespace istio-system."""

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            nothing = Path("/nonexistent")
            server = ApiServer(MemoryStore(), ServerConfig(tls=TlsFiles(nothing, nothing, nothing)))
            await server.open()
            try:
                api = server.local("admin")
                await api.create(NAMESPACES, {"metadata": {"name": "istio-system"}})
                async with asyncio.timeout(30):
                    await scenario(api)
            finally:
                await server.stop()

        asyncio.run(main())

    return run
