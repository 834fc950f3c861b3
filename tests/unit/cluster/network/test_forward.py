"""The forwarder process with real sockets on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tejer.cluster.network import forward


@contextmanager
def forwarding(target: int) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        words = [sys.executable, "-I", "-S", forward.__file__, "/home", f"{fd}=127.0.0.1:{target}"]
        with subprocess.Popen(words, pass_fds=(fd,)) as process:
            try:
                yield int(listener.getsockname()[1])
            finally:
                process.kill()


def echo_after_the_end(server: socket.socket) -> None:
    """Answers with all it got, once the client has closed its half."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        got = bytearray()
        with connection:
            while data := connection.recv(65536):
                got += data
            connection.sendall(got)


def test_large_transfers_and_half_closes_pass() -> None:
    payload = bytes(range(256)) * 20_000
    with socket.create_server(("127.0.0.1", 0)) as server, forwarding(server.getsockname()[1]) as port:
        threading.Thread(target=echo_after_the_end, args=(server,), daemon=True).start()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(payload)
                client.shutdown(socket.SHUT_WR)
                got = bytearray()
                while data := client.recv(65536):
                    got += data
            assert bytes(got) == payload
        server.shutdown(socket.SHUT_RDWR)


def test_nobody_behind_it_closes_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with (
        forwarding(free) as port,
        socket.create_connection(("127.0.0.1", port), 5) as client,
        suppress(ConnectionResetError),
    ):
        assert client.recv(1) == b""
