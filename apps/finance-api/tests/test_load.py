"""The load generator against the real service over a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn

from finance_api.app import create_app
from finance_api.load import STEPS, Client, ensure_accounts, step
from finance_api.settings import Settings

from .conftest import free_port


@pytest.fixture
def served(database: Settings) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(database), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_every_step_succeeds(served: str) -> None:
    client = Client(served)
    ids = ensure_accounts(client)
    assert len(ids) >= 2
    assert {step(client, name, ids) for name in STEPS} <= {"200", "201"}
    client.close()


def test_a_dead_service_is_an_error_not_an_exception() -> None:
    client = Client(f"http://127.0.0.1:{free_port()}")
    assert client.call("GET", "/version") == ("error", b"")
    assert ensure_accounts(client) == []
