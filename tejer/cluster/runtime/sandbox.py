"""The node agent's end of one pod's shim: start it or find it again, give it orders, hear of exits and of its death."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tejer.cluster.runtime.processes import alive
from tejer.cluster.runtime.shim import wire
from tejer.cluster.runtime.shim.wire import Message

SOCKET, STATE = "shim.sock", "shim.pid"
_ANSWER_SECONDS, _DEATH_SECONDS = 30.0, 10.0


class Sandbox:
    """One live shim. `on_exit` gets each ended container's record, `on_death` is called once when the shim is gone."""

    def __init__(self, directory: Path, pid: int, on_exit: Callable[[Message], None], on_death: Callable[[], None]):
        self.directory, self.pid = directory, pid
        self.containers: list[Message] = []
        """The shim's records of its containers when we met it; an end that was told since is in them."""
        self._on_exit, self._on_death = on_exit, on_death
        self._pidfd = os.pidfd_open(pid)
        self._socket: socket.socket | None = None
        self._decoder = wire.Decoder()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0
        self._dead = False

    @property
    def dead(self) -> bool:
        return self._dead

    async def meet(self) -> None:
        """Connect and learn of its containers. Raises OSError when it doesn't answer."""
        loop = asyncio.get_running_loop()
        self._socket = connect(self.directory)
        loop.add_reader(self._socket.fileno(), self._receive)
        loop.add_reader(self._pidfd, self._died)
        await self.order("hello")

    async def order(self, op: str, **fields: Any) -> Message:
        """Raises OSError with the shim's words when it could not be done, ConnectionError when the shim is gone."""
        if self._dead or self._socket is None:
            raise ConnectionError("the pod's shim is gone")
        self._last_id += 1
        number = self._last_id
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        message = wire.encode({"op": op, "id": number, **fields})
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await asyncio.get_running_loop().sock_sendall(self._socket, message)
                answer = await future
        finally:
            self._answers.pop(number, None)
        if "error" in answer:
            raise OSError(answer["error"])
        return answer

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the pidfd tells the rest
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            return
        for message in self._decoder.feed(data):
            future = self._answers.get(message.get("id", 0))
            if "containers" in message:
                self.containers = message["containers"]
            if message.get("event") == "exit":
                self._ended(message["container"])
            elif future is not None and not future.done():
                future.set_result(message)

    def _ended(self, record: Message) -> None:
        self.containers = [record if one["name"] == record["name"] else one for one in self.containers]
        self._on_exit(record)

    def _died(self) -> None:
        if self._dead:
            return
        self.leave()
        self._on_death()

    def leave(self) -> None:
        """Forget the shim without touching it: pods outlive us."""
        if self._dead:
            return
        self._dead = True
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._socket is not None:
            loop.remove_reader(self._socket.fileno())
            self._socket.close()
        for future in self._answers.values():
            if not future.done():
                future.set_exception(ConnectionError("the pod's shim is gone"))

    def kill(self) -> None:
        """Kill the shim, and with it every container: `on_death` tells when it is gone."""
        if alive(self.pid, recorded_start(self.directory)):
            os.kill(self.pid, signal.SIGKILL)

    async def destroy(self) -> None:
        """Kill the shim, and with it every container, and wait until it is gone; nobody is told of it.

        Raises TimeoutError when the kernel doesn't let go of it.
        """
        self.leave()
        if not alive(self.pid, recorded_start(self.directory)):
            return
        pidfd = os.pidfd_open(self.pid)
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(pidfd, gone.set)
        try:
            self.kill()
            async with asyncio.timeout(_DEATH_SECONDS):
                await gone.wait()
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)


def connect(directory: Path) -> socket.socket:
    """A non-blocking connection to the shim of `directory`, whose path may be longer than a socket's may be.

    Raises OSError at once when there is no shim, or one that no longer takes connections.
    """
    folder = os.open(directory, os.O_PATH | os.O_CLOEXEC)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.connect(f"/proc/self/fd/{folder}/{SOCKET}")
    except BlockingIOError:  # it has let too many wait; waiting too would stop the whole node
        sock.close()
        raise OSError(errno.EAGAIN, "the pod's shim does not answer") from None
    except OSError:
        sock.close()
        raise
    finally:
        os.close(folder)
    return sock


def recorded_start(directory: Path) -> int:
    """The start time in the state file, 0 without one."""
    return _recorded(directory)[1]


def find(directory: Path) -> int:
    """The pid of the live shim of `directory`, or 0."""
    pid, started = _recorded(directory)
    return pid if pid and alive(pid, started) else 0


def _recorded(directory: Path) -> tuple[int, int]:
    try:
        pid, started = (directory / STATE).read_text().split()
        return int(pid), int(started)
    except (OSError, ValueError):
        return 0, 0
