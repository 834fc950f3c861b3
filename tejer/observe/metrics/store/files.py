"""The blocks of a directory: which there are, when a new one begins, which are too old or too many or broken."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tejer.observe.metrics.series import Labels, Matcher
from tejer.observe.metrics.store.assemble import Numbers
from tejer.observe.metrics.store.block import Block, Damage, size_of
from tejer.observe.metrics.store.group import Piece
from tejer.observe.metrics.store.index import SeriesIndex
from tejer.observe.metrics.store.matching import matching

log = logging.getLogger(__name__)

WINDOW_MS = 6 * 3600 * 1000
"""How much time one block holds."""
SHARE = 8
"""A block is ended earlier where it has this part of the allowed bytes, so that size can be held by deleting blocks."""
OPEN = 3
"""Finished blocks that are kept open after they were read."""


class Finished(NamedTuple):
    """A block that isn't written any more, and the times of its samples."""

    path: Path
    start: int
    end: int


class Opened(NamedTuple):
    block: Block
    numbers: Sequence[int]
    labels: Sequence[Labels]


class Files:
    """`current` is the block that is written, None before the first sample. One process may use a directory."""

    def __init__(self, directory: Path, retention_ms: int, retention_bytes: int, damage: Damage) -> None:
        """Raises OSError where the directory can't be used, or another process uses it."""
        self.directory, self.retention_ms, self.retention_bytes = directory, retention_ms, retention_bytes
        self.current: Block | None = None
        self.finished: list[Finished] = []
        self._damage = damage
        self._opened: OrderedDict[Path, Opened] = OrderedDict()
        self._turn = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise OSError(f"{directory}: another process writes here") from None
        self._find()

    def close(self) -> None:
        with self._turn:
            for opened in self._opened.values():
                opened.block.close()
            self._opened.clear()
        if self.current is not None:
            self.current.close()
        os.close(self._lock)

    def _find(self) -> None:
        """The newest block is written on; one that can't be read is set aside."""
        paths = sorted(
            (path for path in self.directory.glob("*.db") if path.stem.isdecimal()), key=lambda p: int(p.stem)
        )
        for path in paths:
            try:
                block = Block(path)
                span = block.span()
            except sqlite3.Error as error:
                self._set_aside(path, error)
                continue
            if path == paths[-1]:
                self.current = block
            else:
                block.close()
                self.finished.append(Finished(path, *span))

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_name(f"{path.name}.corrupt")
        for suffix in ("", "-wal", "-shm"):
            try:
                path.with_name(path.name + suffix).rename(f"{aside}{suffix}")
            except FileNotFoundError:
                continue
            except OSError as reason:
                log.error("%s can't be renamed: %s", path, reason)
        self._damage(f"{path} can't be read ({error}); it is set aside as {aside.name}")

    def due(self, time: int) -> bool:
        """Whether a sample of this time belongs to a new block."""
        if self.current is None:
            return True
        large = self.retention_bytes and self.current.bytes() > self.retention_bytes // SHARE
        return bool(large) or time - self.current.start >= WINDOW_MS

    def roll(self, start: int) -> None:
        """Begin a new block. Raises sqlite3.Error and OSError."""
        while (path := self.directory / f"{start}.db").exists():
            start += 1
        new, old = Block(path), self.current
        self.current = new
        if old is not None:
            finished = Finished(old.path, *old.finish())
            self.finished.append(finished)
            self._retain(finished.end)

    def _retain(self, now: int) -> None:
        """`now` is the end of the newest finished block: a clock that jumps ahead has nothing deleted at once."""
        self.finished.sort(key=lambda each: each.end)
        while self.finished and self.finished[0].end < now - self.retention_ms:
            self._delete(self.finished.pop(0), "it is older than samples are kept")
        if self.retention_bytes:
            sizes = [size_of(each.path) for each in self.finished]
            while self.finished and sum(sizes) > self.retention_bytes - self.retention_bytes // SHARE:
                sizes.pop(0)
                self._delete(self.finished.pop(0), "samples take more bytes than are allowed")

    def _delete(self, finished: Finished, why: str) -> None:
        with self._turn:
            if (opened := self._opened.pop(finished.path, None)) is not None:
                opened.block.close()
        for suffix in ("-wal", "-shm", ""):
            finished.path.with_name(finished.path.name + suffix).unlink(missing_ok=True)
        log.info("%s is deleted: %s", finished.path, why)

    def pieces(
        self, index: SeriesIndex, matchers: Sequence[Matcher], start: int, end: int, numbers: Numbers
    ) -> Iterator[Piece]:
        """Samples of the finished blocks. `numbers` says which of their series are the same."""
        for finished in list(self.finished):
            if finished.end < start or finished.start > end:
                continue
            with self._turn:
                try:
                    yield from self._read(finished.path, index, matchers, start, end, numbers)
                except sqlite3.Error as error:
                    self._opened.pop(finished.path, None)
                    self.finished = [each for each in self.finished if each != finished]
                    self._set_aside(finished.path, error)

    def labels(self, index: SeriesIndex, matchers: Sequence[Matcher], start: int, end: int) -> Iterator[Labels]:
        """Series of the finished blocks; some may come twice."""
        for finished in list(self.finished):
            if finished.end >= start and finished.start <= end:
                with self._turn:
                    try:
                        opened = self._open(finished.path, index)
                    except sqlite3.Error as error:
                        self._damage(f"{finished.path}: {error}")
                        continue
                yield from (opened.labels[i] for i in matching(opened.labels, matchers))

    def _read(
        self, path: Path, index: SeriesIndex, matchers: Sequence[Matcher], start: int, end: int, numbers: Numbers
    ) -> list[Piece]:
        opened = self._open(path, index)
        rows = matching(opened.labels, matchers)
        if not rows:
            return []
        local = np.array([opened.numbers[i] for i in rows], np.int64)
        meant = numbers.of([opened.labels[i] for i in rows])
        order = np.argsort(local)
        local, meant = local[order], meant[order]
        found = opened.block.pieces(local, start, end, self._damage)
        return [piece._replace(ids=meant[np.searchsorted(local, piece.ids)]) for piece in found]

    def _open(self, path: Path, index: SeriesIndex) -> Opened:
        opened = self._opened.pop(path, None)
        if opened is None:
            block = Block(path)
            known = block.series(self._damage)
            opened = Opened(block, list(known), [index.shared(labels) for labels in known.values()])
        self._opened[path] = opened
        while len(self._opened) > OPEN:
            self._opened.popitem(last=False)[1].block.close()
        return opened
