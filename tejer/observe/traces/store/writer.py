"""The one writer of the store: a thread that commits what has come meanwhile as one transaction (group commit).

A full or read-only disk is told to each caller as StoreError and changes nothing else: readers have connections of
their own, and the writer tries again with what comes next.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from tejer.observe.traces.store.schema import open_writable
from tejer.observe.traces.store.writing import SpanTables

log = logging.getLogger(__name__)
MOST_AT_ONCE = 64
"""Works of one transaction."""
MOST_WAITING = 256
"""Works that wait for the disk; more are refused, so memory stays bounded while the disk is slow."""
Work: TypeAlias = Callable[[SpanTables], None]
"""What to do inside a transaction. It may be done twice, where another work of the same transaction fails."""


class StoreError(Exception):
    """The store can't do this now. Says why; trying again later may work."""


class StoreFull(StoreError):
    """There is no room: on the disk, or below the limit of the store's own size."""


class _Item(NamedTuple):
    work: Work
    done: Future[None]


class Writer:
    """`problem` says what is wrong with the disk now, "" while all is well. Close it at the end."""

    def __init__(self, path: str, most_bytes: int = 0) -> None:
        self.problem = ""
        self._path, self._most_bytes = path, most_bytes
        self._queue: queue.Queue[_Item | None] = queue.Queue(MOST_WAITING)
        self._tables: SpanTables | None = None
        self._closed = False
        with suppress(StoreError):
            self._open()
        self._thread = threading.Thread(target=self._run, name="trace-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Work) -> None:
        """Returns when `work` is committed. Raises StoreError when it can't be."""
        done: Future[None] = Future()
        if self._closed:
            raise StoreError("the trace store is closing")
        try:
            self._queue.put_nowait(_Item(work, done))
        except queue.Full:
            raise StoreError(f"the disk is slow: {MOST_WAITING} writes wait already") from None
        await asyncio.wrap_future(done)

    def close(self) -> None:
        """Commits what waits. Blocks until it is done."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _open(self) -> SpanTables:
        if self._tables is None:
            try:
                self._tables = SpanTables(open_writable(self._path, self._most_bytes))
            except sqlite3.Error as error:
                raise self._failed(error) from error
        return self._tables

    def _failed(self, error: Exception) -> StoreError:
        problem = explain(error, self._path)
        if problem != self.problem:
            log.error("%s", problem)
        self.problem = problem
        return StoreFull(problem) if "is full" in problem else StoreError(problem)

    def _run(self) -> None:
        while True:
            items = self._take()
            if items:
                self._commit(items)
            else:
                break
        if self._tables is not None:
            self._tables.db.close()

    def _take(self) -> list[_Item]:
        """What waits and is still wanted, at least one; nothing at the end."""
        items: list[_Item] = []
        while len(items) < MOST_AT_ONCE:
            try:
                item = self._queue.get(block=not items)
            except queue.Empty:
                break
            if item is None:
                if items:
                    self._queue.put(None)
                break
            if item.done.set_running_or_notify_cancel():  # from here on nobody can cancel it
                items.append(item)
        return items

    def _commit(self, items: list[_Item]) -> None:
        try:
            self._transaction(items)
        except StoreError as error:
            for item in items:
                item.done.set_exception(error)
        except Exception as error:
            if len(items) == 1:
                items[0].done.set_exception(error)
                return
            for item in items:  # whose fault it was comes out when each is alone
                self._commit([item])
        else:
            for item in items:
                item.done.set_result(None)

    def _transaction(self, items: list[_Item]) -> None:
        tables = self._open()
        try:
            tables.db.execute("BEGIN IMMEDIATE")
            for item in items:
                item.work(tables)
            tables.db.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                if tables.db.in_transaction:
                    tables.db.execute("ROLLBACK")
            tables.forget()
            if isinstance(error, sqlite3.OperationalError):
                failure = self._failed(error)
                if not isinstance(failure, StoreFull):  # a file that was opened read-only stays so: open it again
                    tables.db.close()
                    self._tables = None
                raise failure from error
            raise
        if self.problem:
            log.info("the trace store writes again")
            self.problem = ""


def explain(error: Exception, path: str) -> str:
    """What a person is told of an error of SQLite's."""
    text = str(error)
    if "full" in text:
        return f"the trace store {path} is full: free disk space, raise --storage.size or shorten --storage.retention"
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return f"the trace store {path} can't be written: check that its folder exists and is writable ({text})"
    return f"the trace store {path} failed: {text}"
