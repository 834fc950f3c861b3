"""What a shim knows of its containers, in the shape it is told to the node agent (`Record.report`)."""

from __future__ import annotations

import os
import time

from tejer.cluster.runtime.shim.logs import LogFile, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tejer.cluster.runtime.shim.wire import Message

_READ_SIZE = 65536
_SIGTERM, _SIGKILL = 15, 9


class Record:
    """One attempt of one container. `exit` is 128 + N after signal N; `finished` 0.0 while it runs."""

    def __init__(self, spec: Message, pid: int, pidfd: int, log: LogFile) -> None:
        self.name, self.attempt = str(spec["name"]), int(spec["attempt"])
        self.spec = {key: spec[key] for key in _KEPT}
        self.pid, self.pidfd, self.log = pid, pidfd, log
        self.started, self.finished, self.exit, self.signal = time.time(), 0.0, 0, 0
        self.ended_by_default = False
        self.streams: dict[int, Stream] = {}
        self.stdin = -1

    def report(self) -> Message:
        return {
            "name": self.name, "attempt": self.attempt, "pid": self.pid, "started": self.started,
            "finished": self.finished, "exit": self.exit, "signal": self.signal, "digest": self.spec["digest"],
        }  # fmt: skip

    @property
    def running(self) -> bool:
        return self.finished == 0.0

    def send_signal(self, number: int) -> None:
        """Signal the container's first process.

        A pid namespace's first process never gets SIGTERM's default action, so a program that doesn't catch it would
        sit out the whole grace period. Here it ends at once, as the same program does outside a container.
        """
        if not self.running:
            return
        if number == _SIGTERM and not _handles(self.pid, number):
            self.ended_by_default = True
            number = _SIGKILL
        os.kill(self.pid, number)

    def reap(self) -> None:
        """The process has ended: take its exit code."""
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self.signal = _SIGTERM if self.ended_by_default and code == -_SIGKILL else max(-code, 0)
        self.exit = 128 + self.signal if code < 0 else code
        self.finished = time.time()
        os.close(self.pidfd)
        self.pidfd = -1

    def read(self, fd: int) -> bool:
        """Move what a pipe holds to the log; False at its end."""
        try:
            data = os.read(fd, _READ_SIZE)
        except OSError:  # a terminal whose last writer has gone answers EIO
            data = b""
        self.streams[fd].feed(data)
        if data:
            return True
        del self.streams[fd]
        os.close(fd)
        if not self.streams:
            self.log.close()
        return False


_KEPT = ("digest", "env", "cwd", "uid", "gid", "groups", "capabilities", "no_new_privileges")
"""What an exec into the container needs of its launch message."""


def _handles(pid: int, number: int) -> bool:
    """Whether the process catches or ignores the signal, or is gone. Source: proc(5), SigIgn and SigCgt."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            status = file.read()
    except OSError:
        return True
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith((b"SigIgn:", b"SigCgt:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)
