"""The SQLite file of the store: its tables and how an older file becomes the current one.

    log(revision, group, resource, namespace, name, body)   one row per write; body NULL is a deletion
    meta(key, value)                                         schema_version, floor

The newest row of each key is the object. Rows that a newer one at or below `floor` supersedes are compacted away.
"""

from __future__ import annotations

import sqlite3

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE log (
        revision  INTEGER PRIMARY KEY AUTOINCREMENT,
        grp       TEXT NOT NULL,
        resource  TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name      TEXT NOT NULL,
        body      BLOB
    );
    CREATE INDEX log_key ON log (grp, resource, namespace, name, revision);
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('floor', 0);
    """,
)
"""Entry N brings a file from schema version N to N + 1. Append only."""

VERSION = len(MIGRATIONS)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the file to `VERSION`, each step in its own transaction.

    Raises ValueError for a file that a newer Tejer wrote.
    """
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise ValueError(
            f"the store has schema version {found}, this Tejer knows {VERSION}: upgrade Tejer, or move the file away"
        )
    for number in range(found, VERSION):
        steps = [statement for statement in MIGRATIONS[number].split(";") if statement.strip()]
        db.execute("BEGIN IMMEDIATE")
        for statement in steps:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute("COMMIT")


def compact(db: sqlite3.Connection, floor: int) -> None:
    """Forget rows superseded at or below `floor`, and deletions there. The newest row of the log always stays."""
    db.execute("UPDATE meta SET value = ? WHERE key = 'floor'", (floor,))
    db.execute(
        """
        DELETE FROM log WHERE revision <= :floor AND revision < (SELECT max(revision) FROM log) AND (
            body IS NULL OR EXISTS (
                SELECT 1 FROM log AS newer WHERE newer.grp = log.grp AND newer.resource = log.resource
                AND newer.namespace = log.namespace AND newer.name = log.name
                AND newer.revision > log.revision AND newer.revision <= :floor))
        """,
        {"floor": floor},
    )
