"""A real PostgreSQL for the tests, started through the same entry point as in a pod."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from finance_api import postgres
from finance_api.app import create_app
from finance_api.settings import Settings

NOBODY = 65534


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def become_postgres(data: Path, port: int) -> None:
    """Runs in the forked child: PostgreSQL refuses to run as root, so root becomes nobody first."""
    if os.getuid() == 0:
        os.chdir("/")
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    os.environ |= {
        "PGDATA": str(data), "POSTGRES_USER": "finance", "POSTGRES_DB": "finance", "POSTGRES_PASSWORD": "test-only",
    }  # fmt: skip
    sys.argv = ["postgres", "-p", str(port), "-c", f"unix_socket_directories={data}", "-c", "fsync=off"]
    os._exit(postgres.main())


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("postgres")
    if os.getuid() == 0:
        os.chown(home, NOBODY, NOBODY)
        for parent in home.parents[:3]:
            if parent != Path("/tmp") and parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    port = free_port()
    pid = os.fork()
    if pid == 0:
        become_postgres(home / "pgdata", port)
    settings = Settings(version="v2", db_host="127.0.0.1", db_port=port, db_password="test-only")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "PostgreSQL ended at once; its output is above"
        time.sleep(0.05)
    yield settings
    os.kill(pid, signal.SIGINT)
    os.waitpid(pid, 0)


@pytest.fixture(scope="session")
def client(database: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(database)) as opened:
        yield opened
