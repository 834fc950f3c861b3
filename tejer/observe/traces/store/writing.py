"""What one commit writes: spans become rows of a block. Runs in the writer's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain

import msgspec

from tejer.observe.traces.spans import Resource, Span
from tejer.observe.traces.store.filters import make_filter
from tejer.observe.traces.store.tags import pairs_of

_encode = msgspec.json.Encoder().encode
_ROWS = 128
_INSERT = "INSERT INTO span VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_MANY = _INSERT + ",(?,?,?,?,?,?,?,?,?,?,?)" * (_ROWS - 1)
_REMEMBERED = 50_000
"""Names kept in memory, past which they are looked up again: hostile names cost time, not memory."""


class SpanTables:
    """Writes spans through one connection, remembering the ids of the names it wrote before."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.forget()

    def forget(self) -> None:
        """After a rollback: ids that were given may not exist."""
        self._services: dict[str, int] = {}
        self._operations: dict[tuple[int, str, int], int] = {}
        self._resources: dict[tuple[int, bytes], int] = {}

    def write(self, spans: Sequence[Span], received_ns: int) -> None:
        """One block. Raises sqlite3.Error; the caller's transaction then has to be rolled back."""
        if not spans:
            return
        if len(self._operations) + len(self._resources) > _REMEMBERED:
            self.forget()
        (last,) = self.db.execute("SELECT max(coalesce((SELECT max(last) FROM block), 0),"
                                   " coalesce((SELECT max(id) FROM span), 0))").fetchone()  # fmt: skip
        resources = {id(span.resource): self._resource(span.resource) for span in spans}
        rows = []
        for number, span in enumerate(spans, last + 1):
            service, resource = resources[id(span.resource)]
            rows.append(
                (number, span.trace_id, span.span_id, span.parent_id, service,
                 self._operation(service, span.name, span.kind), resource, span.start_ns, span.duration_ns,
                 span.error, _encode(span.detail))
            )  # fmt: skip
        self._insert(rows)
        self.db.executemany(
            "INSERT OR IGNORE INTO error_trace VALUES (?, ?)",
            {(span.trace_id, received_ns) for span in spans if span.error},
        )
        self.db.execute(
            "INSERT INTO block (first, last, received_ns, filter) VALUES (?, ?, ?, ?)",
            (last + 1, last + len(spans), received_ns, make_filter(pairs_of(spans))),
        )

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Many rows in one step: SQLite lets go of the interpreter at each, and other threads keep it for a while."""
        whole = len(rows) - len(rows) % _ROWS
        for first in range(0, whole, _ROWS):
            self.db.execute(_INSERT_MANY, tuple(chain.from_iterable(rows[first : first + _ROWS])))
        self.db.executemany(_INSERT, rows[whole:])

    def _resource(self, resource: Resource) -> tuple[int, int]:
        service = self._service(resource.service)
        key = (service, _encode(resource.attributes))
        if key not in self._resources:
            self._resources[key] = self._id("resource", ("service_id", "attributes"), key)
        return service, self._resources[key]

    def _service(self, name: str) -> int:
        if name not in self._services:
            self._services[name] = self._id("service", ("name",), (name,))
        return self._services[name]

    def _operation(self, service: int, name: str, kind: int) -> int:
        key = (service, name, kind)
        found = self._operations.get(key)
        if found is None:
            found = self._operations[key] = self._id("operation", ("service_id", "name", "kind"), key)
        return found

    def _id(self, table: str, columns: tuple[str, ...], values: tuple[object, ...]) -> int:
        names = ", ".join(columns)
        holes = ", ".join("?" for _ in columns)
        self.db.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({holes})", values)  # noqa: S608
        where = " AND ".join(f"{column} = ?" for column in columns)
        (found,) = self.db.execute(f"SELECT id FROM {table} WHERE {where}", values).fetchone()  # noqa: S608
        return int(found)
