"""Connections that never ask anything."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.e2e.apiserver import running_server

HEAD = b"GET /readyz HTTP/1.1\r\nHost: here\r\n"


def test_a_connection_that_never_ends_its_request_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tejer.cluster.apiserver.server.HEAD_SECONDS", 1.0)
    with running_server(tmp_path) as running:
        trust = ssl.create_default_context(cafile=str(running.authority.ca))

        def connect() -> ssl.SSLSocket:
            plain = socket.create_connection(("127.0.0.1", running.server.port), timeout=30)
            return trust.wrap_socket(plain, server_hostname="localhost")

        with connect() as slow, connect() as quick:
            slow.sendall(HEAD)
            quick.sendall(HEAD + b"\r\n")
            assert quick.recv(9) == b"HTTP/1.1 "
            assert slow.recv(1) == b"", "ended without an answer"
            quick.sendall(HEAD + b"\r\n")
            assert quick.recv(1) != b"", "one that was heard goes on"
