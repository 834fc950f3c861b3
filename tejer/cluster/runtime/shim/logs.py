"""A container's output pipes → its log file in CRI format: `2026-01-02T03:04:05.000000006Z stdout F line`.

Source: kubernetes/design-proposals node/kubelet-cri-logging. "F" ends a line, "P" is a part of one longer than 16 KiB.
"""

from __future__ import annotations

import os
import time

LONGEST_LINE = 16 * 1024
ROTATE_AT = 10 * 1024 * 1024
ROTATED_SUFFIX = ".1"


class LogFile:
    """An append-only log that moves itself to `<path>.1` at 10 MiB. A full disk loses lines, never the container."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def write(self, stream: str, tag: str, line: bytes) -> None:
        now = time.time_ns()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1_000_000_000))
        record = b"%s.%09dZ %s %s %s\n" % (stamp.encode(), now % 1_000_000_000, stream.encode(), tag.encode(), line)
        try:
            os.write(self._fd, record)
            self._size += len(record)
            if self._size >= ROTATE_AT:
                os.replace(self._path, self._path + ROTATED_SUFFIX)
                os.close(self._fd)
                self._open()
        except OSError:
            return

    def close(self) -> None:
        os.close(self._fd)


class Stream:
    """One pipe of one container: splits what is read into lines."""

    def __init__(self, name: str, log: LogFile) -> None:
        self._name, self._log = name, log
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Empty `data` is the end of the stream: an unfinished line is written as it stands."""
        if not data:
            if self._rest:
                self._log.write(self._name, "F", self._rest)
            self._rest = b""
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            head = self._parts(line)
            self._log.write(self._name, "F", head)
        if len(self._rest) >= LONGEST_LINE:
            self._rest = self._parts(self._rest)

    def _parts(self, line: bytes) -> bytes:
        """Write all but the last part of an overlong line; answer the rest."""
        while len(line) > LONGEST_LINE:
            self._log.write(self._name, "P", line[:LONGEST_LINE])
            line = line[LONGEST_LINE:]
        return line
