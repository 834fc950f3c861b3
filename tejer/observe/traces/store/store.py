"""The store of spans and log records as the rest of the program uses it: writes through one thread, reads beside it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tejer.observe.traces.spans import Span
from tejer.observe.traces.store.retention import Retention, sweep, used_bytes
from tejer.observe.traces.store.schema import Readable, open_readable
from tejer.observe.traces.store.writer import StoreError, StoreFull, Work, Writer, explain
from tejer.observe.traces.store.writing import SpanTables

log = logging.getLogger(__name__)
T = TypeVar("T")
READERS = 2
LONGEST_QUERY = 10.0
"""Seconds; a longer question is broken off."""
_SWEEP_EVERY = 5.0


class QueryTooLong(Exception):
    """The question takes too long: ask for less time, or name a service."""


class Store:
    """`clock` gives nanoseconds since 1970. Use as an async context manager: closing commits what waits.

    Raises ValueError where the file is of a newer Tejer.
    """

    def __init__(self, path: Path, retention: Retention, clock: Callable[[], int] = time.time_ns) -> None:
        self.path, self.retention, self.clock = path, retention, clock
        self.writer = Writer(str(path), retention.most_bytes)
        self._readers: list[Readable] = []
        self._permits = asyncio.Semaphore(READERS)

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.db.close()
        await asyncio.to_thread(self.writer.close)  # the last to close tidies up, and readers can't

    async def add(self, spans: Sequence[Span]) -> None:
        """Returns when they are on disk. Raises StoreError where they can't be, now."""

        def write(tables: SpanTables) -> None:
            tables.write(spans, self.clock())

        await self.do(write)

    async def do(self, work: Work) -> None:
        """Returns when `work` is committed; what is old makes room for it. Raises StoreError."""
        try:
            await self.writer.do(work)
        except StoreFull:
            await self.sweep()
            await self.writer.do(work)

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Run `question` in a thread. Raises QueryTooLong, or StoreError where the file can't be read."""
        async with self._permits:
            reader = None
            try:
                path = str(self.path)
                reader = self._readers.pop() if self._readers else await asyncio.to_thread(open_readable, path)
                return await asyncio.to_thread(_bounded, reader.db, question)
            except sqlite3.OperationalError as error:
                if "interrupted" in str(error):
                    message = f"the search took longer than {LONGEST_QUERY:g} s: ask for less time, or name a service"
                    raise QueryTooLong(message) from None
                raise StoreError(explain(error, str(self.path))) from error
            finally:
                if reader is not None:
                    self._give_back(reader)

    def _give_back(self, reader: Readable) -> None:
        """For the next question. While the disk fails none is kept: SQLite would let nobody write beside a file that
        one connection of the process found read-only.
        """
        if reader.lasting and not self.writer.problem:
            self._readers.append(reader)
        else:
            reader.db.close()

    async def used_bytes(self) -> int:
        return await self.ask(used_bytes)

    async def sweep(self) -> None:
        """All that is too old or too much goes, in short transactions."""
        more = True

        def step(tables: SpanTables) -> None:
            nonlocal more
            more = sweep(tables.db, self.retention, self.clock())

        while more:
            await self.writer.do(step)

    async def keep_swept(self) -> None:
        """Sweep for ever; a disk that fails is tried again."""
        while True:
            try:
                await self.sweep()
            except (StoreError, sqlite3.Error) as error:
                log.warning("old spans can't be removed now: %s", error)
            await asyncio.sleep(_SWEEP_EVERY)


def _bounded(db: sqlite3.Connection, question: Callable[[sqlite3.Connection], T]) -> T:
    deadline = time.monotonic() + LONGEST_QUERY
    db.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    return question(db)
