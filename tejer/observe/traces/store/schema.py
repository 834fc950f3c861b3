"""The SQLite file of spans and log records: its tables, and how older files become today's.

Spans arrive in blocks (what one commit wrote): a run of row ids with the time it came, and a filter that says which
`key=value` pairs it may hold. Retention drops the oldest blocks, so no clock but ours decides what is old.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

_FIRST = """
CREATE TABLE service (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE operation (
  id INTEGER PRIMARY KEY, service_id INTEGER NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
  UNIQUE (service_id, name, kind));
CREATE TABLE resource (id INTEGER PRIMARY KEY, service_id INTEGER NOT NULL, attributes BLOB NOT NULL,
  UNIQUE (service_id, attributes));
CREATE TABLE span (
  id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_id BLOB NOT NULL,
  service_id INTEGER NOT NULL, operation_id INTEGER NOT NULL, resource_id INTEGER NOT NULL,
  start_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL, error INTEGER NOT NULL, detail BLOB NOT NULL);
CREATE INDEX span_by_trace ON span (trace_id);
CREATE INDEX span_by_service ON span (service_id, start_ns, operation_id, duration_ns, error, trace_id);
CREATE TABLE error_trace (trace_id BLOB PRIMARY KEY, received_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE block (
  id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, received_ns INTEGER NOT NULL,
  only_errors INTEGER NOT NULL DEFAULT 0, filter BLOB NOT NULL);
CREATE TABLE log (
  id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, time_ns INTEGER NOT NULL, trace_id BLOB NOT NULL,
  span_id BLOB NOT NULL, request_id TEXT NOT NULL, namespace TEXT NOT NULL, workload TEXT NOT NULL,
  severity TEXT NOT NULL, body TEXT NOT NULL, attributes BLOB NOT NULL, resource BLOB NOT NULL);
CREATE INDEX log_by_trace ON log (trace_id) WHERE trace_id <> x'';
CREATE INDEX log_by_request ON log (request_id) WHERE request_id <> '';
CREATE INDEX log_by_time ON log (time_ns);
CREATE INDEX log_by_workload ON log (workload, time_ns);
"""

MIGRATIONS = (_FIRST,)
"""Step n makes version n + 1 of version n. Never edited once released: a change is one more step."""
VERSION = len(MIGRATIONS)
PAGE_BYTES = 8192


def open_writable(path: str, most_bytes: int = 0) -> sqlite3.Connection:
    """A connection that writes, with today's schema. `most_bytes`: the file never grows past it (0: no limit).

    Raises sqlite3.Error where the file can't be written, ValueError where a newer Tejer made it.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA journal_mode = WAL")
        # What a commit wrote survives kill -9; only a power cut may cost the last second.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -8192")
        db.execute("PRAGMA journal_size_limit = 67108864")
        migrate(db)
        if most_bytes:
            (page,) = db.execute("PRAGMA page_size").fetchone()
            db.execute(f"PRAGMA max_page_count = {max(most_bytes // page, 64)}")
    except BaseException:
        db.close()
        raise
    return db


class Readable(NamedTuple):
    """`lasting`: sees what is written later. A read-only disk gives one that does not."""

    db: sqlite3.Connection
    lasting: bool


def open_readable(path: str) -> Readable:
    """A connection that only reads; works on a disk that is full or read-only too. Raises sqlite3.Error."""
    db, lasting = _connect(f"file:{path}?mode=ro"), True
    try:
        db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.OperationalError:
        # WAL wants a file beside the database; where none can be made, nobody writes either.
        db.close()
        db, lasting = _connect(f"file:{path}?mode=ro&immutable=1"), False
    db.execute("PRAGMA cache_size = -4096")
    return Readable(db, lasting)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the file to VERSION, all or nothing. Raises ValueError for a version that is not known here."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ValueError(
            f"the trace store has schema version {version}, this Tejer knows up to {VERSION}: run the Tejer that "
            "wrote it, or give another --storage.path"
        )
    if version == VERSION:
        return
    steps = "".join(MIGRATIONS[version:])
    try:
        db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
