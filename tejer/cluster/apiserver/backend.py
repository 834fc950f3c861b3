"""`PodBackend`: what the API server asks of the node for running pods (logs, exec, attach, port-forward)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from tejer.kube.resource import Body


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The query of `GET pods/NAME/log`. `since_time` is seconds since the epoch; `limit_bytes` cuts the answer."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_time: float | None = None
    limit_bytes: int | None = None


class ExecSession(Protocol):
    """One process started in a container. `output` yields (1 = stdout | 2 = stderr, bytes) until both are closed."""

    async def stdin_write(self, data: bytes) -> None: ...

    async def stdin_close(self) -> None: ...

    def output(self) -> AsyncIterator[tuple[int, bytes]]: ...

    async def resize(self, width: int, height: int) -> None: ...

    async def wait(self) -> int:
        """The exit code; 128 + N when signal N ended it."""
        ...

    async def close(self) -> None:
        """The client is gone: kill the process if it still runs."""
        ...


class PodBackend(Protocol):
    """Raises ApiError 400 where the container does not run (yet), 404 where it does not exist."""

    def logs(self, pod: Body, container: str, options: LogOptions) -> AsyncIterator[bytes]: ...

    async def exec(self, pod: Body, container: str, command: list[str], *, tty: bool, stdin: bool) -> ExecSession: ...

    async def attach(self, pod: Body, container: str, *, tty: bool, stdin: bool) -> ExecSession: ...

    async def dial(self, pod: Body, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to 127.0.0.1:`port` inside the pod's network namespace."""
        ...
