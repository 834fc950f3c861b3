"""The store of samples: newest ones as arrays in memory, all of them in blocks on disk.

    store = Store(directory, retention_ms, retention_bytes)    # raises OSError where the directory can't be used
    store.reference(labels), store.append(time, references, values)         # series.Appender, one thread
    store.select(matchers, start, end), store.series(matchers, start, end)  # series.Querier, any thread
    store.problems(), store.head_stats(), store.cardinality(limit); store.close()

Why not one file per chunk with a log of our own: SQLite gives atomic appends, a log that is cut where it is torn and
readers beside the writer, and it is proven; what it lacks for samples (many small values) is done by storing arrays of
a whole target as one value. A block holds six hours; deleting one is deleting a file.

What is promised: an append that returned survives the end of the process, `kill -9` included. A power cut or a crash of
the kernel may lose what is younger than SYNC_SECONDS. While the disk is full or read-only the store goes on in memory,
says so in `problems`, and writes everything down once it can.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tejer.observe.metrics.series import Block, Labels, Matcher
from tejer.observe.metrics.store.assemble import Numbers, assemble
from tejer.observe.metrics.store.encoding import Ids
from tejer.observe.metrics.store.files import Files
from tejer.observe.metrics.store.group import Group, Piece
from tejer.observe.metrics.store.head import Head
from tejer.observe.metrics.store.index import SeriesIndex
from tejer.observe.metrics.store.matching import Choice, choose
from tejer.observe.metrics.store.syncing import Syncing
from tejer.observe.metrics.store.writing import Writing

log = logging.getLogger(__name__)
SHOWN = 5
"""Problems that are remembered."""


class Store:
    """See the module's words. Times are milliseconds."""

    def __init__(
        self, directory: Path, retention_ms: int, retention_bytes: int = 0, *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._index, self._head = SeriesIndex(), Head()
        self._used: set[int] = set()
        """Asked for or written since the block began."""
        self._lock = threading.RLock()
        self._damages: list[str] = []
        self._files = Files(directory, retention_ms, retention_bytes, self._damaged)
        self._writing = Writing(self._files, self._head, self._index, monotonic)
        self._restore()
        self._syncing = Syncing(lambda: self._files.current.path if self._files.current else None)

    def close(self) -> None:
        """What was appended is on disk already, unless the disk refused."""
        self._syncing.close()
        with self._lock:
            self._writing.finish()
            self._files.close()

    def reference(self, labels: Labels) -> int:
        with self._lock:
            number = self._index.add(labels)
            self._used.add(number)
            return number

    def append(self, time_ms: int, references: Sequence[int], values: Sequence[float]) -> None:
        """Raises ValueError for a reference that is unknown or forgotten: none of the samples is taken."""
        ids, samples = np.asarray(references, np.int64), np.asarray(values, np.float64)
        if not len(ids):
            return
        with self._lock:
            self._check(references)
            self._used.update(references)
            if self._files.due(time_ms) and not self._writing.problem:
                self._roll(time_ms)
            for group in self._head.groups_of(ids):
                # Not before a later time comes: stale markers may follow at the same one.
                if group.full and time_ms > group.times[-1]:
                    self._seal(group)
            self._writing.log(time_ms, self._head.put(time_ms, ids, samples))

    def _check(self, references: Sequence[int]) -> None:
        labels = self._index.labels
        if min(references) < 0 or max(references) >= len(labels) or not all(labels[each] for each in references):
            raise ValueError("a reference to a series that is unknown or forgotten")

    def _seal(self, group: Group) -> None:
        self._writing.seal(group)
        self._head.emptied(group)

    def _roll(self, time_ms: int) -> None:
        """End the block: seal all groups, forget series that nobody wrote meanwhile, begin the next."""
        for group in list(self._head.groups.values()):
            self._seal(group)
        if not self._writing.begin_block(time_ms):
            return
        if len(self._used) < len(self._index):
            self._index.keep(self._used)
        self._used = set()

    def _restore(self) -> None:
        """Take up the newest block where it was left."""
        block = self._files.current
        if block is None:
            return
        known = block.series(self._damaged)
        self._index.restore(known)
        self._writing.described(list(known))
        floors = block.floors()
        for entry in block.logged(self._damaged):
            if len(entry.series) != len(entry.values) or not known.keys() >= set(entry.series.tolist()):
                self._damaged(f"{block.path}: samples of {entry.time} belong to no series")
            else:
                self._head.restore(entry.group, floors.get(entry.group, -1), *entry[1:])
        for number, newest in floors.items():
            self._head.above(number)
            self._head.newest = max(self._head.newest, newest)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Block]:
        """Raises ValueError or TimeoutError for a regular expression that can't be read or takes too long."""
        choices = self._choices(matchers)
        with self._lock:
            numbers = Numbers(self._index.numbers, self._index.labels)
            ids = self._index.find(choices)
            block = self._files.current
            # First what is in memory: samples that are sealed meanwhile are then seen twice, not never.
            pieces = [*self._head.cut(ids, start_ms, end_ms), *self._held(ids, start_ms, end_ms)]
        if block is not None and len(ids):
            try:
                pieces += block.pieces(ids, start_ms, end_ms, self._damaged)
            except sqlite3.ProgrammingError:
                pass  # closed meanwhile: it is read below, as a finished one
            except sqlite3.Error as error:
                self._damaged(f"{block.path}: {error}")
        pieces += self._files.pieces(self._index, matchers, start_ms, end_ms, numbers)
        return assemble(pieces, numbers.labels)

    def _choices(self, matchers: Sequence[Matcher]) -> Sequence[Choice]:
        """Expressions are tried without the lock: a slow one keeps nobody from appending."""
        with self._lock:
            values = [self._index.values_of(matcher) for matcher in matchers]
        return [choose(matcher, held) for matcher, held in zip(matchers, values, strict=True)]

    def _held(self, ids: Ids, start: int, end: int) -> Iterator[Piece]:
        for page in self._writing.held:
            rows = np.isin(page.ids, ids)
            low, high = np.searchsorted(page.times, start), np.searchsorted(page.times, end, "right")
            if rows.any() and low < high:
                yield Piece(page.group, page.ids[rows], page.times[low:high], page.values[rows, low:high])

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Labels]:
        """Those of the blocks that have any samples in that time. Raises as `select` does."""
        found: dict[Labels, None] = {}
        choices = self._choices(matchers)
        with self._lock:
            block = self._files.current
            if block is None or end_ms >= block.start:
                labels = self._index.labels
                found = dict.fromkeys(labels[number] for number in self._index.find(choices).tolist())
        found.update(dict.fromkeys(self._files.labels(self._index, matchers, start_ms, end_ms)))
        return list(found)

    def _damaged(self, what: str) -> None:
        if what not in self._damages:
            log.error("%s", what)
            self._damages = [*self._damages[1 - SHOWN :], what]

    def problems(self) -> list[str]:
        """What an answer should warn of."""
        if not self._writing.problem:
            return list(self._damages)
        return [f"samples are only in memory: {self._files.directory}: {self._writing.problem}", *self._damages]

    def head_stats(self) -> dict[str, int]:
        with self._lock:
            block = self._files.current
            return {
                "numSeries": len(self._index),
                "numLabelPairs": self._index.pairs,
                "chunkCount": len(self._head.groups),
                "minTime": block.start if block is not None else 0,
                "maxTime": self._head.newest,
            }

    def cardinality(self, limit: int) -> dict[str, list[tuple[str, int]]]:
        with self._lock:
            tables = self._index.cardinality()
        return {
            name: sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
            for name, counts in tables.items()
        }
