"""One log line as Istio's agent writes it; the `logging` package would cost a tenth of the agent's memory."""

from __future__ import annotations

import sys
import time


def log(level: str, message: str) -> None:
    """`2026-01-02T03:04:05.678901Z<tab>info<tab>message` on stderr. Never pass it a secret."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    sys.stderr.write(f"{stamp}.{int(now % 1 * 1_000_000):06d}Z\t{level}\t{message}\n")
    sys.stderr.flush()


def info(message: str) -> None:
    log("info", message)


def warn(message: str) -> None:
    log("warn", message)


def error(message: str) -> None:
    log("error", message)
