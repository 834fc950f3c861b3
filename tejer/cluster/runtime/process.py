"""One more process in a running container, by its pod's shim: for `kubectl exec`, exec probes and hooks.

Its pipes go straight from it to us as descriptors; the shim only tells of its end. Closing our connection kills it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

from tejer.cluster.runtime.sandbox import connect
from tejer.cluster.runtime.shim import wire

_CHUNK = 32 * 1024
_ONE_MESSAGE = 64 * 1024
_KILLED = 137


class _Flow(asyncio.BaseProtocol):
    """Tells a writer when the process reads slower than it is written to."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.room.set()


class ContainerProcess:
    """Satisfies `tejer.cluster.apiserver.backend.ExecSession`."""

    def __init__(self, sock: socket.socket, decoder: wire.Decoder) -> None:
        self._socket, self._decoder = sock, decoder
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._outputs: list[tuple[int, asyncio.StreamReader, asyncio.ReadTransport]] = []
        self._stdin: asyncio.WriteTransport | None = None
        self._flow = _Flow()
        self._terminal = -1

    @classmethod
    async def start(
        cls, directory: Path, container: str, command: Sequence[str], *, tty: bool, stdin: bool
    ) -> ContainerProcess:
        """Raises OSError with the shim's words: not running, no such program."""
        sock = connect(directory)
        self = cls(sock, wire.Decoder())
        theirs: list[int] = []
        ours: list[int] = []
        try:
            if not tty:
                ours, theirs = _pipes(stdin)
            order = wire.encode({"op": "exec", "id": 1, "name": container, "argv": list(command), "tty": tty})
            sock.setblocking(True)  # a fresh unix socket takes this much at once
            socket.send_fds(sock, [order], theirs)
            sock.setblocking(False)
            (answer, *events), fds = await receive(sock, self._decoder)
            self._take(events)
            if "error" in answer:
                raise OSError(answer["error"])
            if tty:
                self._terminal = fds[0]
                ours = [os.dup(fds[0]), os.dup(fds[0])]
            await self._adopt(ours, stdin or tty)
            ours = []
        except BaseException:
            sock.close()
            for fd in ours:
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        return self

    async def _adopt(self, ours: list[int], stdin: bool) -> None:
        loop = asyncio.get_running_loop()
        if not self._exit.done():
            loop.add_reader(self._socket.fileno(), self._hear)
        if stdin:
            writer, _ = await loop.connect_write_pipe(lambda: self._flow, os.fdopen(ours.pop(0), "wb", 0))
            self._stdin = writer
        for number, fd in enumerate(ours, 1):
            reader = asyncio.StreamReader()
            transport, _ = await loop.connect_read_pipe(
                lambda reader=reader: asyncio.StreamReaderProtocol(reader),  # type: ignore[misc]
                os.fdopen(fd, "rb", 0),
            )
            self._outputs.append((number, reader, transport))

    async def stdin_write(self, data: bytes) -> None:
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)
            await self._flow.room.wait()

    async def stdin_close(self) -> None:
        if self._terminal >= 0:
            await self.stdin_write(b"\x04")
        elif self._stdin is not None:
            self._stdin.close()

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(16)

        async def pump(number: int, reader: asyncio.StreamReader) -> None:
            with suppress(OSError):  # a terminal ends with EIO
                while data := await reader.read(_CHUNK):
                    await queue.put((number, data))
            await queue.put((number, b""))

        async with asyncio.TaskGroup() as group:
            for number, reader, _ in self._outputs:
                group.create_task(pump(number, reader))
            open_streams = len(self._outputs)
            while open_streams:
                number, data = await queue.get()
                if data:
                    yield number, data
                else:
                    open_streams -= 1

    async def resize(self, width: int, height: int) -> None:
        if self._terminal >= 0:
            with suppress(OSError):
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    async def wait(self) -> int:
        """The exit code; 137 when the container or its shim went away, or `close` came first."""
        return await asyncio.shield(self._exit)

    def _hear(self) -> None:
        """The shim tells of the end, or is gone."""
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._take(self._decoder.feed(data))
        if not data:
            self._end(_KILLED)

    def _take(self, messages: list[wire.Message]) -> None:
        for message in messages:
            if message.get("event") == "exit":
                self._end(int(message["exit"]))

    def _end(self, code: int) -> None:
        if not self._exit.done():
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._exit.set_result(code)

    async def close(self) -> None:
        """Kills the process if it still runs. Idempotent."""
        self._end(_KILLED)
        self._socket.close()
        if self._stdin is not None:
            self._stdin.close()
        for _, _, transport in self._outputs:
            transport.close()
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1


async def run_in_container(directory: Path, container: str, command: Sequence[str], limit: int) -> tuple[int, bytes]:
    """Run to the end: exit code and at most `limit` bytes of both outputs. Raises OSError when it can't start."""
    process = await ContainerProcess.start(directory, container, command, tty=False, stdin=False)
    try:
        said = bytearray()
        async for _, data in process.output():
            said += data[: limit - len(said)]
        return await process.wait(), bytes(said)
    finally:
        await process.close()


def _pipes(stdin: bool) -> tuple[list[int], list[int]]:
    """(our ends: stdin's if wanted, stdout's, stderr's; the process's three)."""
    out_read, out = os.pipe()
    err_read, err = os.pipe()
    if not stdin:
        return [out_read, err_read], [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), out, err]
    read, feed = os.pipe()
    return [feed, out_read, err_read], [read, out, err]


async def receive(sock: socket.socket, decoder: wire.Decoder) -> tuple[list[wire.Message], list[int]]:
    """The next messages and the descriptors that came with them. Raises ConnectionError at the end of the stream.

    The shim answers an order before anything else; a quick process's end may come along with the answer.
    """
    fds: list[int] = []
    while True:
        await _readable(sock)
        data, got, _, _ = socket.recv_fds(sock, _ONE_MESSAGE, 2)
        fds += got
        if not data:
            raise ConnectionError("the pod's shim is gone")
        messages = decoder.feed(data)
        if messages:
            return messages, fds


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock.fileno(), lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        if sock.fileno() >= 0:
            loop.remove_reader(sock.fileno())
