"""Runs command lines as a user types them, with this project's `tejer` and `istioctl` first on PATH."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    line: str
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    def ok(self) -> Result:
        assert self.code == 0, f"{self.line}\nexit code {self.code}\n{self.out}\n{self.err}"
        return self


class Shell:
    """A user's terminal: its environment lasts from command to command."""

    def __init__(self, env: Mapping[str, str], cwd: Path = ROOT) -> None:
        self.env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **env}
        self.cwd = cwd

    def run(self, line: str, *, timeout: float = 120, stdin: str = "") -> Result:
        """Raises subprocess.TimeoutExpired when it takes longer; then everything the line started has been killed."""
        with subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", line],
            env=self.env, cwd=self.cwd, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                out, err = process.communicate(stdin, timeout)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Result(line, process.returncode, out, err)

    def ok(self, line: str, *, timeout: float = 120, stdin: str = "") -> str:
        """Run a command that must succeed; returns its standard output."""
        return self.run(line, timeout=timeout, stdin=stdin).ok().out

    def until(self, line: str, good: Callable[[Result], bool], *, seconds: float = 60) -> Result:
        """Repeat a command until `good` likes its result; the last result is in the failure otherwise."""
        deadline = time.monotonic() + seconds
        while True:
            result = self.run(line)
            if good(result):
                return result
            assert time.monotonic() < deadline, f"after {seconds} s: {line}\n{result.code}\n{result.text}"
            time.sleep(0.3)
