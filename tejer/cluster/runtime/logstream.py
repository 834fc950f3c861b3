"""A container's log as `kubectl logs` wants it: whole lines, from where it asks, and on as they come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from tejer.cluster.apiserver.backend import LogOptions
from tejer.cluster.runtime.logfiles import files_of, parse, seconds_of, tail_offset

_BLOCK = 256 * 1024
_LOOK_AGAIN = 0.1
_ASK_AFTER = 5
"""Quiet looks in a row before asking whether the container still runs."""


async def read_log(path: Path, options: LogOptions) -> AsyncIterator[bytes]:
    """What is there now."""
    for file, offset in _starts(path, options.tail_lines):
        async for chunk in _read_from(file, offset, options):
            yield chunk


async def follow_log(path: Path, options: LogOptions, running: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """What is there and what comes, until `running` says no and the file has no more."""
    starts = _starts(path, options.tail_lines)
    for file, offset in starts[:-1]:
        async for chunk in _read_from(file, offset, options):
            yield chunk
    follower = _Follower(path, starts[-1][1] if starts else 0, options)
    try:
        async for chunk in _watch(follower, running):
            yield chunk
    finally:
        follower.close()


async def _watch(follower: _Follower, running: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    quiet, last_round = 0, False
    while True:
        chunk = follower.more()
        if chunk:
            quiet = 0
            yield chunk
            continue
        if last_round:
            return
        quiet += 1
        if quiet % _ASK_AFTER == 0:
            last_round = not await running()
        await asyncio.sleep(_LOOK_AGAIN)


def _starts(path: Path, tail: int | None) -> list[tuple[Path, int]]:
    """(file, where to begin), older file first."""
    files = files_of(path)
    if tail is None:
        return [(file, 0) for file in files]
    starts = [(files[-1], tail_offset(files[-1], tail))] if files else []
    if len(files) == 2 and starts[0][1] == 0:
        here = files[-1].read_bytes().count(b"\n")
        if here < tail:
            starts.insert(0, (files[0], tail_offset(files[0], tail - here)))
    return starts


async def _read_from(file: Path, offset: int, options: LogOptions) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        source.seek(offset)
        rest = b""
        while block := source.read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            chunk = _render(lines, options)
            if chunk:
                yield chunk
            await asyncio.sleep(0)  # a long log must not hold up the loop


def _render(lines: list[bytes], options: LogOptions) -> bytes:
    out = []
    for raw in lines:
        record = parse(raw)
        if record is None or (options.since_time is not None and seconds_of(record.stamp) < options.since_time):
            continue
        prefix = record.stamp + b" " if options.timestamps else b""
        out.append(prefix + record.line + (b"\n" if record.full else b""))
    return b"".join(out)


class _Follower:
    """Reads on where it stopped, also past the file's rotation."""

    def __init__(self, path: Path, offset: int, options: LogOptions) -> None:
        self._path, self._options = path, options
        self._file = path.open("rb")
        self._file.seek(offset)
        self._rest = b""

    def more(self) -> bytes:
        block = self._file.read(_BLOCK)
        if not block and self._rotated():
            block = self._file.read(_BLOCK)
        if not block:
            return b""
        *lines, self._rest = (self._rest + block).split(b"\n")
        return _render(lines, self._options)

    def close(self) -> None:
        self._file.close()

    def _rotated(self) -> bool:
        try:
            there = self._path.stat()
        except OSError:
            return False
        if there.st_ino == os.fstat(self._file.fileno()).st_ino:
            return False
        self._file.close()
        self._file = self._path.open("rb")
        return True
