"""Questions to the store. Pure SQL over one read connection; `Reader` in store.py runs them in threads.

A search walks the covering index of a service from new to old and stops when it has enough traces. With tags it walks
the blocks from new to old instead and opens those whose filter may hold every tag.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from tejer.observe.traces.spans import LAST_NS, Attributes, Detail, Resource, Span
from tejer.observe.traces.store.filters import may_hold
from tejer.observe.traces.store.tags import LONGEST_VALUE, matches

LARGEST_TRACE = 20_000
"""Spans of one trace that are read; what is over is said, not shown."""
LARGEST_ANSWER = 50_000
"""Spans of all traces of one answer."""
_COLUMNS = (
    "span.id, trace_id, span_id, parent_id, resource_id, operation.name, operation.kind, start_ns, duration_ns, error, "
    "detail"
)
_FROM = "FROM span JOIN operation ON operation.id = span.operation_id"
_BY_ROW = _FROM.replace("span", "span NOT INDEXED", 1)
_detail = msgspec.json.Decoder(Detail).decode
_UNTAGGED = ("error",)


class Search(NamedTuple):
    """What traces are wanted: those with one span for which all of this is true. Times in nanoseconds, both ends in.

    `tags` compare as text; `error=true|false` and `span.kind` work as tags too.
    """

    service: str = ""
    operation: str = ""
    kind: int | None = None
    start_ns: int = 0
    end_ns: int = LAST_NS
    shortest_ns: int = 0
    longest_ns: int = LAST_NS
    tags: Mapping[str, str] = {}
    limit: int = 20


class Operation(NamedTuple):
    name: str
    kind: int


class Call(NamedTuple):
    """`times` did a span of `parent` have a child of `child`."""

    parent: str
    child: str
    times: int


def services(db: sqlite3.Connection) -> list[str]:
    """Those that have spans still."""
    found = db.execute(
        "SELECT name FROM service WHERE EXISTS (SELECT 1 FROM span WHERE service_id = service.id) ORDER BY name"
    )
    return [name for (name,) in found]


def operations(db: sqlite3.Connection, service: str, kind: int | None = None) -> list[Operation]:
    wanted = "" if kind is None else " AND kind = :kind"
    found = db.execute(
        "SELECT DISTINCT operation.name, kind FROM operation JOIN service ON service.id = service_id "  # noqa: S608
        f"WHERE service.name = :service{wanted} ORDER BY operation.name, kind",
        {"service": service, "kind": kind},
    )
    return [Operation(name, number) for name, number in found]


def find_traces(db: sqlite3.Connection, search: Search) -> list[bytes]:
    """Ids of at most `search.limit` traces, those with the latest matching span first."""
    tags = {key: value for key, value in search.tags.items() if key not in _UNTAGGED}
    rows = _by_tags(db, search, tags) if tags else _by_index(db, search)
    found: dict[bytes, None] = {}
    for trace_id in rows:
        found.setdefault(trace_id)
        if len(found) >= search.limit:
            break
    return list(found)


def _conditions(db: sqlite3.Connection, search: Search) -> tuple[str, dict[str, object]]:
    """The WHERE clause of all but the tags; it never matches where the service or operation is not known."""
    where, values = ["start_ns BETWEEN :start AND :end"], {"start": search.start_ns, "end": search.end_ns}
    terms: dict[str, object] = dict(values)
    if search.service:
        row = db.execute("SELECT id FROM service WHERE name = ?", (search.service,)).fetchone()
        where.append("service_id = :service")
        terms["service"] = row[0] if row else -1
    if search.operation or search.kind is not None:
        sql, arguments = "SELECT id FROM operation WHERE 1", []
        if search.service:
            sql, arguments = sql + " AND service_id = ?", [terms["service"]]
        if search.operation:
            sql, arguments = sql + " AND name = ?", [*arguments, search.operation]
        if search.kind is not None:
            sql, arguments = sql + " AND kind = ?", [*arguments, search.kind]
        ids = [int(number) for (number,) in db.execute(sql, arguments)]
        where.append(f"operation_id IN ({', '.join(map(str, ids))})")
    if search.shortest_ns > 0 or search.longest_ns < LAST_NS:
        where.append("duration_ns BETWEEN :shortest AND :longest")
        terms |= {"shortest": search.shortest_ns, "longest": search.longest_ns}
    if "error" in search.tags:
        where.append("error = :error")
        terms["error"] = search.tags["error"] not in ("false", "")
    return " AND ".join(where), terms


def _by_index(db: sqlite3.Connection, search: Search) -> Iterator[bytes]:
    where, values = _conditions(db, search)
    order = "start_ns DESC" if search.service else "id DESC"
    for (trace_id,) in db.execute(f"SELECT trace_id FROM span WHERE {where} ORDER BY {order}", values):  # noqa: S608
        yield trace_id


def _by_tags(db: sqlite3.Connection, search: Search, tags: Mapping[str, str]) -> Iterator[bytes]:
    where, values = _conditions(db, search)
    pairs = [f"{key}={value[:LONGEST_VALUE]}" for key, value in tags.items() if key != "span.kind"]
    blocks = db.execute("SELECT first, last, filter FROM block ORDER BY id DESC")
    known: dict[int, Resource] = {}
    for first, last, filter_ in blocks:
        if not all(may_hold(filter_, pair) for pair in pairs):
            continue
        # By row id: the index of the service would be walked from end to end for each block.
        sql = f"SELECT {_COLUMNS} {_BY_ROW} WHERE span.id BETWEEN :first AND :last AND {_qualified(where)}"
        rows = db.execute(f"{sql} ORDER BY span.id DESC", values | {"first": first, "last": last})
        for span in _spans(db, rows, known):
            if matches(span, tags):
                yield span.trace_id


def _qualified(where: str) -> str:
    return where.replace("service_id", "span.service_id")


def spans_of(db: sqlite3.Connection, trace_ids: Iterable[bytes]) -> dict[bytes, list[Span]]:
    """The spans of these traces by their start, at most LARGEST_TRACE of each; traces without spans are left out.

    Raises ValueError where all of them are more than LARGEST_ANSWER.
    """
    total = 0
    found: dict[bytes, list[Span]] = {}
    known: dict[int, Resource] = {}
    for trace_id in trace_ids:
        rows = db.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE trace_id = ? ORDER BY start_ns LIMIT {LARGEST_TRACE}",
            (trace_id,),
        )
        if spans := list(_spans(db, rows, known)):
            found[trace_id] = spans
            total += len(spans)
            if total > LARGEST_ANSWER:
                raise ValueError(f"limit: these traces have more than {LARGEST_ANSWER} spans: ask for fewer traces")
    return found


def _spans(db: sqlite3.Connection, rows: Iterable[tuple[Any, ...]], known: dict[int, Resource]) -> Iterator[Span]:
    for _, trace_id, span_id, parent_id, resource_id, name, kind, start, duration, error, detail in rows:
        resource = known.get(resource_id)
        if resource is None:
            resource = known[resource_id] = _resource(db, resource_id)
        yield Span(trace_id, span_id, parent_id, resource, name, kind, start, duration, bool(error), _detail(detail))


def _resource(db: sqlite3.Connection, number: int) -> Resource:
    name, attributes = db.execute(
        "SELECT name, attributes FROM resource JOIN service ON service.id = service_id WHERE resource.id = ?", (number,)
    ).fetchone()
    decoded: Attributes = msgspec.json.decode(attributes)
    return Resource(name, decoded)


def calls(db: sqlite3.Connection, start_ns: int, end_ns: int) -> list[Call]:
    """Which service called which, among spans that began in this time."""
    rows = db.execute(
        """SELECT parent.service_id, child.service_id, count(*)
           FROM span AS child JOIN span AS parent
             ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_id
           WHERE child.start_ns BETWEEN ? AND ? AND child.parent_id <> x'' AND parent.service_id <> child.service_id
           GROUP BY 1, 2""",
        (start_ns, end_ns),
    ).fetchall()
    names = dict(db.execute("SELECT id, name FROM service"))
    return sorted(Call(names[parent], names[child], times) for parent, child, times in rows)


def durations(
    db: sqlite3.Connection, service: str, kinds: Iterable[int], start_ns: int, end_ns: int
) -> Iterator[tuple[int, int, bool, str]]:
    """(start, duration, error, operation) of the spans of `service` that began in this time, oldest first."""
    numbers = ", ".join(str(int(kind)) for kind in kinds)
    return db.execute(
        "SELECT start_ns, duration_ns, error, operation.name FROM span "  # noqa: S608
        "JOIN operation ON operation.id = operation_id "
        "WHERE span.service_id = (SELECT id FROM service WHERE name = ?) AND start_ns BETWEEN ? AND ? "
        f"AND operation.kind IN ({numbers}) ORDER BY start_ns",
        (service, start_ns, end_ns),
    )
