"""What of the store goes, and when: the oldest blocks first, traces with errors last.

Age counts from when spans came, by our clock; a client's wrong clock neither keeps nor loses anything. Runs in the
writer's thread, in steps that are short enough for ingest to go on between them.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

_NS = 1_000_000_000
_HEADROOM = 0.9
"""Of the size limit: past it old blocks go, before the file is full."""
BLOCKS_AT_ONCE = 50
_ANY_AGE = 1 << 62


class Retention(NamedTuple):
    """Ages in seconds; `most_bytes` is the file's limit (0: none). Traces with an error stay `error_seconds`."""

    seconds: int = 2 * 86_400
    error_seconds: int = 7 * 86_400
    most_bytes: int = 1 << 30


def used_bytes(db: sqlite3.Connection) -> int:
    """What the file holds, without pages that are free to be written again."""
    (pages,), (free,) = db.execute("PRAGMA page_count").fetchone(), db.execute("PRAGMA freelist_count").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def sweep(db: sqlite3.Connection, retention: Retention, now_ns: int) -> bool:
    """One step inside a transaction; True where there is more to do."""
    over = bool(retention.most_bytes) and used_bytes(db) > retention.most_bytes * _HEADROOM
    everything = _ANY_AGE if over else now_ns - retention.seconds * _NS
    healthy = db.execute(
        "SELECT id, first, last FROM block WHERE NOT only_errors AND received_ns < ? ORDER BY id LIMIT ?",
        (everything, BLOCKS_AT_ONCE),
    ).fetchall()
    for number, first, last in healthy:
        db.execute(
            "DELETE FROM span WHERE id BETWEEN ? AND ? AND NOT EXISTS "
            "(SELECT 1 FROM error_trace WHERE error_trace.trace_id = span.trace_id)",
            (first, last),
        )
        db.execute("UPDATE block SET only_errors = 1 WHERE id = ?", (number,))
    error_age = _ANY_AGE if over and not healthy else now_ns - retention.error_seconds * _NS
    failed = db.execute(
        "SELECT id, first, last FROM block WHERE only_errors AND received_ns < ? ORDER BY id LIMIT ?",
        (error_age, BLOCKS_AT_ONCE),
    ).fetchall()
    for number, first, last in failed:
        db.execute("DELETE FROM span WHERE id BETWEEN ? AND ?", (first, last))
        db.execute("DELETE FROM block WHERE id = ?", (number,))
    db.execute("DELETE FROM error_trace WHERE received_ns < ?", (now_ns - retention.error_seconds * _NS,))
    logs = _sweep_logs(db, everything)
    return len(healthy) == BLOCKS_AT_ONCE or len(failed) == BLOCKS_AT_ONCE or logs or (over and bool(healthy or failed))


def _sweep_logs(db: sqlite3.Connection, before_ns: int) -> bool:
    """A few thousand of the oldest records. Their order is the order they came in."""
    deleted = db.execute(
        "DELETE FROM log WHERE id IN (SELECT id FROM log ORDER BY id LIMIT 5000) AND received_ns < ?", (before_ns,)
    ).rowcount
    return deleted == 5000
