"""The node agent's end of the nursery: get a shim for a pod."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tejer.cluster.runtime.processes import start_time
from tejer.cluster.runtime.sandbox import SOCKET, STATE
from tejer.cluster.runtime.shim import wire
from tejer.cluster.runtime.shim.nursery import TITLE_ROOM

_PROGRAM = Path(__file__).parent / "shim" / "__main__.py"
_ANSWER_SECONDS = 10.0


class Nursery:
    """Starts its process when first asked, and again when that has died."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = asyncio.Lock()

    async def spawn(self, directory: Path, hostname: str, *, own_network: bool) -> int:
        """A shim for the pod in `directory`; its pid. Connecting to it works at once: the socket exists already.

        Raises OSError when it can't be had.
        """
        async with self._turn:
            try:
                pid = await self._ask(directory, hostname, own_network)
            except OSError:  # a nursery that was killed: a new one, once
                self.close()
                pid = await self._ask(directory, hostname, own_network)
        (directory / STATE).write_text(f"{pid} {start_time(pid)}\n")
        return pid

    def warm(self) -> None:
        """Start the process now, so that the first pod needn't wait for it."""
        if self._socket is None:
            self._socket, self._process = _start()

    async def _ask(self, directory: Path, hostname: str, own_network: bool) -> int:
        self.warm()
        assert self._socket is not None
        request = {"directory": str(directory), "hostname": hostname, "own_network": own_network}
        listener, log = (
            _listener(directory),
            os.open(directory / "shim.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600),
        )
        try:
            socket.send_fds(self._socket, [wire.encode(request)], [listener.fileno(), log])
        finally:
            listener.close()
            os.close(log)
        async with asyncio.timeout(_ANSWER_SECONDS):
            data = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
        messages = wire.Decoder().feed(data)
        if not messages:
            raise ConnectionError("the shims' nursery is gone")
        return int(messages[0]["pid"])

    def close(self) -> None:
        """The nursery ends; its shims don't."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            self._process = None


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        process = subprocess.Popen(
            [str(Path(sys.executable).resolve()), "-I", "-S", "-X", "utf8", str(_PROGRAM), str(theirs.fileno()),
             "-" * TITLE_ROOM],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            pass_fds=(theirs.fileno(),), cwd="/", env={},
        )  # fmt: skip
    ours.setblocking(False)
    return ours, process


def _listener(directory: Path) -> socket.socket:
    """The pod's control socket, by way of a descriptor: its path may be longer than a socket's may be."""
    (directory / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(directory, os.O_PATH | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{SOCKET}")
        (directory / SOCKET).chmod(0o600)
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener
