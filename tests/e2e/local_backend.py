"""A `PodBackend` without pods: exec runs the command on this machine, dial connects to 127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tejer.cluster.apiserver.backend import ExecSession, LogOptions
from tejer.kube.resource import Body


class LocalSession:
    """A child process as an `ExecSession`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.sizes: list[tuple[int, int]] = []

    async def stdin_write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def stdin_close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(16)

        async def copy(number: int, reader: asyncio.StreamReader) -> None:
            while data := await reader.read(32768):
                await queue.put((number, data))
            await queue.put((number, b""))

        assert self._process.stdout is not None and self._process.stderr is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(copy(1, self._process.stdout))
            tasks.create_task(copy(2, self._process.stderr))
            ended = 0
            while ended < 2:
                number, data = await queue.get()
                if data:
                    yield number, data
                else:
                    ended += 1

    async def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def wait(self) -> int:
        return await self._process.wait()

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@dataclass
class LocalBackend:
    """`lines` are the log of every container; with `follow` one more comes after a moment."""

    lines: list[bytes] = field(default_factory=lambda: [b"one\n", b"two\n", b"three\n"])

    async def logs(self, pod: Body, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        lines = self.lines if options.tail_lines is None else self.lines[-options.tail_lines :]
        for line in lines:
            yield line
        if options.follow:
            await asyncio.sleep(0.3)
            yield b"followed\n"

    async def exec(self, pod: Body, container: str, command: list[str], *, tty: bool, stdin: bool) -> ExecSession:
        pipe = asyncio.subprocess.PIPE
        return LocalSession(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe))

    async def attach(self, pod: Body, container: str, *, tty: bool, stdin: bool) -> ExecSession:
        return await self.exec(pod, container, ["echo", "attached"], tty=tty, stdin=stdin)

    async def dial(self, pod: Body, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)
