"""Where `tejer dashboard` gets a one-time code: a unix socket that only the server's own user may open.

Whoever may run a command in the pod controls the server anyway, so the name they give for themselves is believed.
One line each way: `{"user": "jane", "groups": ["dev"]}`, and `{"code": "..."}` or `{"error": "..."}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from tejer.observe.access.sessions import Who

MAX_LINE = 64 * 1024
SECONDS = 5


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """For whom a code is wanted, as SelfSubjectReview names them."""

    user: str
    groups: tuple[str, ...] = ()


def socket_path(service: str) -> Path:
    """Where the door of `service` is: $TEJER_ACCESS_SOCKET, else in the container's temporary directory."""
    configured = os.environ.get("TEJER_ACCESS_SOCKET", "")
    return Path(configured) if configured else Path(tempfile.gettempdir(), f"tejer-{service}-{os.getuid()}", "link")


@contextlib.asynccontextmanager
async def link_door(path: Path, mint: Callable[[Who], str]) -> AsyncIterator[None]:
    """Open while the block runs. Raises OSError when the socket can't be made or its directory is not ours alone."""
    server = await asyncio.start_unix_server(lambda r, w: _answer(r, w, mint), sock=_listener(path), limit=MAX_LINE)
    try:
        yield
    finally:
        server.close()
        _remove(path)


def _listener(path: Path) -> socket.socket:
    private_directory(path.parent)
    _remove(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    return listener


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def private_directory(path: Path) -> None:
    """Make `path` if it is not there; it must be a directory that only we may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat = path.lstat()
    if path.is_symlink() or stat.st_uid != os.getuid() or stat.st_mode & 0o077:
        raise OSError(
            f"{path} must be a directory of this user's alone (mode 0700): remove it, or set TEJER_ACCESS_SOCKET"
        )


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mint: Callable[[Who], str]) -> None:
    with contextlib.suppress(OSError):
        writer.write(await _reply(reader, mint) + b"\n")
        await writer.drain()
    writer.close()


async def _reply(reader: asyncio.StreamReader, mint: Callable[[Who], str]) -> bytes:
    try:
        async with asyncio.timeout(SECONDS):
            wanted = msgspec.json.decode(await reader.readline(), type=Wanted)
    except (TimeoutError, ValueError, msgspec.MsgspecError) as error:
        return msgspec.json.encode({"error": f"expected a line with user and groups: {error or type(error).__name__}"})
    if not wanted.user:
        return msgspec.json.encode({"error": "user is empty"})
    return msgspec.json.encode({"code": mint(Who(wanted.user, wanted.groups))})
