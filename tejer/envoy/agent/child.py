"""A child process that one thread waits for and others ask about.

Started by posix_spawn: it tells at once whether the program could be run. `subprocess` reads that from a pipe instead,
and that read was seen never to return although the program ran (Linux 6.18, a process with several threads).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence

# Python ignores these; a program expects the default.
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)


class Child:
    """`command[0]` is a path. `ended` is called, in a thread of its own, when the child is gone.

    Raises OSError when the program can't be run.
    """

    def __init__(self, command: Sequence[str], ended: Callable[[], None]) -> None:
        self.pid = os.posix_spawn(command[0], tuple(command), os.environ, setsigdef=_RESTORED)
        self.returncode: int | None = None
        """None while it runs, its exit code afterwards, -N after signal N."""
        self._gone = threading.Event()
        threading.Thread(target=self._reap, args=(ended,), daemon=True).start()

    def _reap(self, ended: Callable[[], None]) -> None:
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._gone.set()
        ended()

    def running(self) -> bool:
        return not self._gone.is_set()

    def send_signal(self, number: int) -> None:
        """No effect on a child that is gone. Between its end and its reaping the pid is still its own."""
        if self.running():
            os.kill(self.pid, number)

    def wait(self, seconds: float | None = None) -> bool:
        """Until it is gone; False when it is still there after `seconds`."""
        return self._gone.wait(seconds)
