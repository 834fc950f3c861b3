"""`kubectl attach`: a container's output from now on, by way of its log, and its standard input where it has one."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from tejer.cluster.apiserver.backend import LogOptions
from tejer.cluster.runtime.logstream import follow_log


class Attached:
    """An `ExecSession`. `feed` is a descriptor that writes to the container's input, or -1."""

    def __init__(self, path: Path, feed: int, running: Callable[[], Awaitable[bool]]) -> None:
        self._path, self._feed, self._running = path, feed, running
        self._since = time.time()
        self._ended = asyncio.Event()

    async def stdin_write(self, data: bytes) -> None:
        if self._feed >= 0:
            with suppress(OSError):
                await asyncio.get_running_loop().run_in_executor(None, os.write, self._feed, data)

    async def stdin_close(self) -> None:
        if self._feed >= 0:
            os.close(self._feed)
            self._feed = -1

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        options = LogOptions(follow=True, since_time=self._since)
        async for chunk in follow_log(self._path, options, self._running):
            yield 1, chunk
        self._ended.set()

    async def resize(self, width: int, height: int) -> None:
        """Where the container has a terminal: its input is the terminal's master."""
        if self._feed >= 0:
            with suppress(OSError):
                fcntl.ioctl(self._feed, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    async def wait(self) -> int:
        await self._ended.wait()
        return 0

    async def close(self) -> None:
        await self.stdin_close()
        self._ended.set()
