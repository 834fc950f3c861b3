"""Reading the log files that shims write: CRI records back to lines. Blocking reads of bounded size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tejer.cluster.runtime.shim.logs import ROTATED_SUFFIX

_BLOCK = 64 * 1024


class Record(NamedTuple):
    stamp: bytes
    full: bool
    line: bytes


def parse(raw: bytes) -> Record | None:
    """One line of a log file, without its newline; None for what isn't a record (a write cut short)."""
    parts = raw.split(b" ", 3)
    return Record(parts[0], parts[2] == b"F", parts[3]) if len(parts) == 4 else None


def seconds_of(stamp: bytes) -> float:
    """RFC 3339 with nanoseconds → seconds since the epoch; 0.0 for what isn't one."""
    try:
        return datetime.fromisoformat(stamp[:26].decode() + "+00:00").timestamp()
    except ValueError:
        return 0.0


def files_of(path: Path) -> list[Path]:
    """The log's files that exist, older first."""
    return [each for each in (Path(str(path) + ROTATED_SUFFIX), path) if each.exists()]


def tail_offset(path: Path, lines: int) -> int:
    """Where the last `lines` lines of the file begin."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        if lines <= 0:
            return position
        wanted = lines + 1  # the newline before the first wanted line
        while position > 0:
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            block = file.read(step)
            found = block.count(b"\n")
            if found < wanted:
                wanted -= found
                continue
            at = len(block)
            for _ in range(wanted):
                at = block.rfind(b"\n", 0, at)
            return position + at + 1
    return 0


def last_lines(path: Path, lines: int) -> bytes:
    """What the last `lines` records say, joined: a termination message taken from the log."""
    with path.open("rb") as file:
        file.seek(tail_offset(path, lines))
        return b"".join(texts(file.read(_BLOCK * 4).splitlines()))


def texts(raw_lines: list[bytes]) -> Iterator[bytes]:
    for raw in raw_lines:
        record = parse(raw)
        if record is not None:
            yield record.line + (b"\n" if record.full else b"")
