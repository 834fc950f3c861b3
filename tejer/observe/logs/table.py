"""Log records in the store's file: writing them, and finding them by trace, request, workload and time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tejer.observe.logs.records import Record
from tejer.observe.traces.spans import LAST_NS

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


class LogSearch(NamedTuple):
    """All that is given must be true; times in nanoseconds. `text` is somewhere in the body."""

    trace_id: bytes = b""
    request_id: str = ""
    namespace: str = ""
    workload: str = ""
    text: str = ""
    start_ns: int = 0
    end_ns: int = LAST_NS
    limit: int = 100


def write(db: sqlite3.Connection, records: Sequence[Record], received_ns: int) -> None:
    db.executemany(
        "INSERT INTO log (received_ns, time_ns, trace_id, span_id, request_id, namespace, workload, severity, body,"
        " attributes, resource) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        [
            (received_ns, one.time_ns, one.trace_id, one.span_id, one.request_id, one.namespace, one.workload,
             one.severity, one.body, _encode(one.attributes), _encode(one.resource))
            for one in records
        ],
    )  # fmt: skip


def find(db: sqlite3.Connection, search: LogSearch) -> list[Record]:
    """The latest first."""
    where, values = ["time_ns BETWEEN ? AND ?"], [search.start_ns, search.end_ns]
    terms: list[object] = [*values]
    for column in ("trace_id", "request_id", "namespace", "workload"):
        if wanted := getattr(search, column):
            where.append(f"{column} = ?")
            terms.append(wanted)
            if column in ("trace_id", "request_id"):
                where.append("trace_id <> x''" if column == "trace_id" else "request_id <> ''")  # the index's condition
    if search.text:
        where.append("instr(body, ?) > 0")
        terms.append(search.text)
    rows = db.execute(
        "SELECT time_ns, trace_id, span_id, request_id, namespace, workload, severity, body, attributes, resource "  # noqa: S608
        f"FROM log WHERE {' AND '.join(where)} ORDER BY time_ns DESC LIMIT ?",
        (*terms, search.limit),
    )
    return [Record(*(*row, _decode(attributes), _decode(resource))) for *row, attributes, resource in rows]
