"""The agent's end of a shim, against a shim that the test plays."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from tejer.cluster.runtime.processes import start_time
from tejer.cluster.runtime.sandbox import SOCKET, STATE, Sandbox, connect
from tejer.cluster.runtime.shim import wire
from tejer.cluster.runtime.shim.wire import Message


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(SOCKET)
    listener.listen(1)
    (tmp_path / STATE).write_text(f"{os.getpid()} {start_time(os.getpid())}\n")
    return listener


def test_an_end_told_together_with_the_records_is_in_them(tmp_path: Path, listener: socket.socket) -> None:
    record = {"name": "main", "attempt": 0, "finished": 0.0}
    other = {"name": "side", "attempt": 2, "finished": 0.0}
    ended = {**record, "finished": 7.0}
    told: list[Message] = []

    async def scenario() -> None:
        sandbox = Sandbox(tmp_path, os.getpid(), told.append, lambda: None)
        meeting = asyncio.get_running_loop().create_task(sandbox.meet())
        await asyncio.sleep(0)
        with listener, listener.accept()[0] as shim:
            (hello,) = wire.Decoder().feed(shim.recv(1000))
            answer = wire.encode({"id": hello["id"], "containers": [record, other]})
            shim.sendall(answer + wire.encode({"event": "exit", "container": ended}))
            await meeting
        assert sandbox.containers == [ended, other]
        sandbox.leave()

    asyncio.run(scenario())
    assert told == [ended]


def test_a_shim_that_takes_no_connection_stops_nobody(tmp_path: Path, listener: socket.socket) -> None:
    waiting = []
    with listener, pytest.raises(OSError, match="does not answer"):
        for _ in range(100):
            waiting.append(connect(tmp_path))
    for one in waiting:
        one.close()
