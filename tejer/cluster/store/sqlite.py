"""`SqliteStore`: the durable store. One writer thread commits what has queued up since its last commit (group commit).

WAL with synchronous=FULL: a write that was acknowledged survives `kill -9` and power loss.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import msgspec

from tejer.cluster.store import schema
from tejer.cluster.store.log import ANY_REVISION, Event, Item, RevisionConflict, StoreUnavailable
from tejer.cluster.store.state import WINDOW, Feed, State, with_revision
from tejer.kube.resource import Body, Key

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(dict).decode
_INSERT = "INSERT INTO log (revision, grp, resource, namespace, name, body) VALUES (?, ?, ?, ?, ?, ?)"
_COMPACT_EVERY = 500


@dataclass(slots=True)
class _Write:
    """A write on its way through the writer thread; `event` or `error` is set when it comes back."""

    key: Key
    body: bytes | None
    expect: int
    done: asyncio.Future[Event]
    revision: int = 0
    error: Exception | None = None


class SqliteStore:
    """See `tejer.cluster.store.log.Store`. The file is made, and migrated, by `start`."""

    def __init__(self, path: Path, *, window: int = WINDOW) -> None:
        self.path = path
        self._state = State(window=window)
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._db: sqlite3.Connection | None = None

    @property
    def revision(self) -> int:
        return self._state.revision

    @property
    def floor(self) -> int:
        return self._state.floor

    async def start(self) -> None:
        """Open the file. Raises StoreUnavailable where it can't be read or written, ValueError if it is too new."""
        try:
            db = self._db = _open(self.path)
            heads = self._load(db)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(explain(error, self.path)) from error
        self._loop = asyncio.get_running_loop()
        writer = _Writer(db, self._queue, heads, self._state, self._commit, self.path)
        self._thread = threading.Thread(target=writer.run, name="store-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._state.close_feeds()

    def get(self, key: Key) -> Item | None:
        return self._state.get(key)

    def list(self, group: str, resource: str, namespace: str = "", *, at: int | None = None) -> list[Item]:
        return self._state.list(group, resource, namespace, at=at)

    def watch(self, group: str, resource: str, namespace: str = "", *, since: int) -> Feed:
        return self._state.watch(group, resource, namespace, since=since)

    async def write(self, key: Key, body: Body | None, *, expect: int) -> Event:
        if self._loop is None or self._thread is None:
            raise StoreUnavailable("the store is not open")
        write = _Write(key, None if body is None else _ENCODE(body), expect, self._loop.create_future())
        self._queue.put(write)
        return await asyncio.shield(write.done)

    def _load(self, db: sqlite3.Connection) -> dict[Key, int]:
        """Read the file into the state; the current revision of every object comes back for the writer."""
        floor = int(db.execute("SELECT value FROM meta WHERE key = 'floor'").fetchone()[0])
        current: dict[Key, Item] = {}
        history: list[Event] = []
        revision = floor
        for row in db.execute("SELECT revision, body, grp, resource, namespace, name FROM log ORDER BY revision"):
            revision, key = row[0], Key(*row[2:])
            old = current.pop(key, None)
            new = None if row[1] is None else with_revision(_DECODE(row[1]), revision)
            if new is not None:
                current[key] = Item(revision, key, new)
            if revision > floor:
                history.append(Event(revision, key, old.body if old else None, new))
        self._state.load(current.values(), history, floor=floor, revision=revision)
        return {key: item.revision for key, item in current.items()}

    def _commit(self, batch: Sequence[_Write]) -> None:
        """Called in the writer thread once `batch` is durable (or refused): hand it to the loop in one call."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._publish, batch)

    def _publish(self, batch: Sequence[_Write]) -> None:
        for write in batch:
            if write.error is not None:
                if not write.done.done():
                    write.done.set_exception(write.error)
                continue
            old = self._state.get(write.key)
            new = None if write.body is None else with_revision(_DECODE(write.body), write.revision)
            event = Event(write.revision, write.key, old.body if old else None, new)
            self._state.apply(event)
            if not write.done.done():
                write.done.set_result(event)


class _Writer:
    """The thread that owns the connection. `heads` (key -> revision) and `revision` say what the file holds."""

    def __init__(self, db: sqlite3.Connection, queue: SimpleQueue[_Write | None], heads: dict[Key, int],
                 state: State, report: Callable[[Sequence[_Write]], None], path: Path) -> None:  # fmt: skip
        self._db, self._queue, self._heads, self._state, self._report, self._path = (
            db, queue, heads, state, report, path,
        )  # fmt: skip
        self._revision = self._compacted_at = state.revision

    def run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch: list[_Write | None] = [first]
            while not self._queue.empty() and batch[-1] is not None:
                batch.append(self._queue.get())
            self._transact([write for write in batch if write is not None])
            if batch[-1] is None:
                break
        self._db.close()

    def _transact(self, batch: Sequence[_Write]) -> None:
        """One transaction for the batch; on an error of the disk all of it is refused and the file is as before."""
        moved: dict[Key, int] = {}
        try:
            self._db.execute("BEGIN IMMEDIATE")
            revision = self._append(batch, moved)
            if revision - self._compacted_at >= _COMPACT_EVERY:
                schema.compact(self._db, self._state.floor)
                self._compacted_at = revision
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            for write in batch:
                write.error = write.error or StoreUnavailable(explain(error, self._path))
        else:
            self._revision = revision
            self._heads.update(moved)
        self._report(batch)

    def _append(self, batch: Sequence[_Write], moved: dict[Key, int]) -> int:
        """Insert the rows of writes that found what they expected; the others get their RevisionConflict."""
        revision, rows = self._revision, []
        for write in batch:
            at = moved.get(write.key, self._heads.get(write.key, 0))
            if write.expect not in (ANY_REVISION, at) or (write.body is None and at == 0):
                write.error = RevisionConflict(write.key, write.expect, at)
                continue
            revision += 1
            write.revision = revision
            moved[write.key] = revision if write.body is not None else 0
            rows.append((revision, *write.key, write.body))
        self._db.executemany(_INSERT, rows)
        return revision


def _open(path: Path) -> sqlite3.Connection:
    """The connection, for use by one thread at a time. Only the owner may read the file: it holds Secrets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        schema.migrate(db)
        # A write now, so that a read-only or full disk is reported at start and not at the first request.
        db.execute("UPDATE meta SET value = value WHERE key = 'floor'")
    except BaseException:
        db.close()
        raise
    return db


_ADVICE = {
    "SQLITE_FULL": "free some space on that disk and try again",
    "SQLITE_IOERR": "is that disk full or broken? Free some space and try again",
    "SQLITE_READONLY": "make the file and its directory writable, or set TEJER_HOME to a directory that is",
    "SQLITE_CANTOPEN": "make the directory writable, or set TEJER_HOME to one that is",
    "SQLITE_CORRUPT": "the file is damaged; move it away and start again, or restore a copy",
    "SQLITE_NOTADB": "the file is damaged; move it away and start again, or restore a copy",
    "SQLITE_BUSY": "another process has it open; is a second cluster running on this directory?",
}
_ERRNO = {errno.ENOSPC: "SQLITE_FULL", errno.EDQUOT: "SQLITE_FULL", errno.EIO: "SQLITE_IOERR"}


def explain(error: Exception, path: Path) -> str:
    """What happened to the store, and what to do about it, in one line."""
    if isinstance(error, OSError):
        name, text = _ERRNO.get(error.errno or 0, "SQLITE_CANTOPEN"), error.strerror
    else:
        name, text = str(getattr(error, "sqlite_errorname", "")), str(error)
    advice = next((advice for prefix, advice in _ADVICE.items() if name.startswith(prefix)), "see the message")
    return f"the store {path} cannot be used: {text}; nothing was changed: {advice}"
