"""What goes to disk and when. A disk that refuses is a problem that is told, not the end."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence

import numpy as np

from tejer.observe.metrics.store.block import Block
from tejer.observe.metrics.store.encoding import Ids
from tejer.observe.metrics.store.files import Files
from tejer.observe.metrics.store.group import Group, Piece
from tejer.observe.metrics.store.head import Head, Taken
from tejer.observe.metrics.store.index import SeriesIndex

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""Between two attempts to write to a disk that refused."""
HELD_BYTES = 64 * 1024 * 1024
"""Of sealed samples that could not be written; the oldest go first."""


class Writing:
    """`problem` is what the disk says while it refuses; `held` are sealed samples that it hasn't got."""

    def __init__(self, files: Files, head: Head, index: SeriesIndex, monotonic: Callable[[], float]) -> None:
        self.problem = ""
        self.held: list[Piece] = []
        self._files, self._head, self._index, self._monotonic = files, head, index, monotonic
        self._described: set[int] = set()
        self._retry_at = 0.0

    def described(self, series: Sequence[int]) -> None:
        """The current block has the labels of these."""
        self._described.update(series)

    def log(self, time: int, taken: Sequence[Taken]) -> None:
        def write(block: Block) -> None:
            for group, ids, values in taken:
                self._describe(block, ids)
                block.write_log(group.number, time, ids, values)

        self._write(write)

    def seal(self, group: Group) -> None:
        """The group's samples move from the log to pages."""
        self.held += group.pages()

        def write(block: Block) -> None:
            self._write_held(block)
            block.forget_log(group.number)

        self._write(write)
        size = sum(page.values.nbytes for page in self.held)
        while size > HELD_BYTES:
            size -= self.held.pop(0).values.nbytes

    def begin_block(self, start: int) -> bool:
        if self.problem:
            return False
        try:
            self._files.roll(start)
        except (sqlite3.Error, OSError) as error:
            self._refused(error)
            return False
        self._described = set()
        return True

    def finish(self) -> None:
        """A last attempt to write what the disk refused."""
        if self.problem:
            self._retry_at = self._monotonic()
            self._catch_up()

    def _write(self, write: Callable[[Block], None]) -> None:
        if self.problem:
            self._catch_up()
        elif self._files.current is not None:
            self._attempt(self._files.current, write)

    def _attempt(self, block: Block, write: Callable[[Block], None]) -> bool:
        """In one transaction, or not at all."""
        before = len(self._described)
        try:
            block.begin()
            write(block)
            block.commit()
        except (sqlite3.Error, OSError) as error:
            block.roll_back()
            if len(self._described) != before:
                self._described = set()  # describing a series twice does no harm
            self._refused(error)
            return False
        self.held.clear()
        return True

    def _refused(self, error: Exception) -> None:
        if not self.problem:
            log.error("%s: samples can't be written, and are held in memory: %s", self._files.directory, error)
        self.problem = str(error)
        self._retry_at = self._monotonic() + RETRY_SECONDS

    def _catch_up(self) -> None:
        """Write down all that is in memory."""
        if self._monotonic() < self._retry_at:
            return
        try:
            if self._files.current is None:
                self._files.roll(self._oldest())
        except (sqlite3.Error, OSError) as error:
            self._refused(error)
            return
        assert self._files.current is not None
        self._described = set()
        if self._attempt(self._files.current, self._write_all):
            self.problem = ""
            log.info("%s: samples are written again", self._files.directory)

    def _write_all(self, block: Block) -> None:
        self._write_held(block)
        block.forget_log()
        for group in self._head.groups.values():
            ids = np.array(group.ids, np.int64)
            self._describe(block, ids)
            for column, time in enumerate(group.times):
                block.write_log(group.number, time, ids, group.values[:, column])

    def _write_held(self, block: Block) -> None:
        for page in self.held:
            self._describe(block, page.ids)
            block.write_page(page)

    def _describe(self, block: Block, ids: Ids) -> None:
        """Each block holds the labels of its own series."""
        unknown = [series for series in ids.tolist() if series not in self._described]
        if unknown:
            block.write_series(unknown, [self._index.labels[series] for series in unknown])
            self._described.update(unknown)

    def _oldest(self) -> int:
        times = [group.times[0] for group in self._head.groups.values() if group.times]
        return min([*times, *(int(page.times[0]) for page in self.held)], default=0)
