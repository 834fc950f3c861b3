"""Puts what was appended onto the disk every few seconds, in a thread: a power cut loses no more than that."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)
SYNC_SECONDS = 10.0


class Syncing:
    """`current` gives the block that is being written."""

    def __init__(self, current: Callable[[], Path | None], seconds: float = SYNC_SECONDS) -> None:
        self._current, self._seconds = current, seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sync-samples", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            path = self._current()
            if path is not None:
                sync(path.with_name(path.name + "-wal"))


def sync(path: Path) -> None:
    """A file that is gone was put into its block, and that is synced by SQLite."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        log.warning("%s: %s", path, error)
    finally:
        os.close(descriptor)
