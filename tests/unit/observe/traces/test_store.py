"""The store: durable, bounded, honest about a disk that fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tejer.observe.traces.spans import Detail, Resource, Span
from tejer.observe.traces.store import schema
from tejer.observe.traces.store.reading import Search, find_traces, operations, services, spans_of
from tejer.observe.traces.store.retention import Retention, used_bytes
from tejer.observe.traces.store.store import Store
from tejer.observe.traces.store.writer import StoreError, Work
from tejer.observe.traces.store.writing import SpanTables
from tests.unit.observe.traces.program import T0

HOUR = 3_600_000_000_000
RETENTION = Retention(seconds=2 * 3600, error_seconds=10 * 3600, most_bytes=0)


@dataclass
class Clock:
    now: int = T0

    def __call__(self) -> int:
        return self.now


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def make(number: int, *, error: bool = False, start: int = T0, tags: dict[str, str] | None = None, ms: int = 1) -> Span:
    """The only span of trace `number`."""
    return Span(
        trace_id(number), number.to_bytes(8, "big"), b"", Resource("web.default", {"pod": "web-1"}), "GET /", 2,
        start, ms * 1_000_000, error, Detail(tags or {}),
    )  # fmt: skip


def disk_of(pages: int) -> Work:
    def work(tables: SpanTables) -> None:
        tables.db.execute(f"PRAGMA max_page_count = {pages}")

    return work


async def found(store: Store, **wanted: object) -> set[int]:
    ids = await store.ask(lambda db: find_traces(db, Search(limit=1000, **wanted)))  # type: ignore[arg-type]
    return {int.from_bytes(one, "big") for one in ids}


def test_age_drops_old_traces_and_keeps_failed_ones_longer(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        async with Store(tmp_path / "t.db", RETENTION, clock) as store:
            await store.add([make(1), make(2, error=True)])
            clock.now += 3 * HOUR
            # A span of trace 2 that comes late, and one whose client's clock is years ahead.
            await store.add([make(3), make(4, start=T0 + 100_000 * HOUR)])
            await store.sweep()
            assert await found(store) == {2, 3, 4}
            clock.now += 3 * HOUR
            await store.sweep()
            assert await found(store) == {2}
            assert await found(store, tags={"error": "true"}) == {2}
            clock.now += 9 * HOUR
            await store.sweep()
            assert await found(store) == set()
            assert await store.ask(services) == []

    asyncio.run(run())


def test_size_drops_the_oldest_first(tmp_path: Path) -> None:
    async def run() -> None:
        limit = 8 << 20
        async with Store(tmp_path / "t.db", RETENTION._replace(most_bytes=limit), Clock()) as store:
            for first in range(1, 3001, 20):
                await store.add([make(number, tags={"payload": "x" * 5000}) for number in range(first, first + 20)])
            await store.sweep()
            assert await store.ask(used_bytes) < limit
            kept = sorted(await found(store))
            assert kept[-1] == 3000
            assert 0 < len(kept) < 2000
            assert kept == list(range(kept[0], 3001))
        assert (tmp_path / "t.db").stat().st_size <= limit

    asyncio.run(run())


def test_a_full_disk_is_told_and_mends(tmp_path: Path) -> None:
    """SQLite's own limit of pages stands for the disk: the same error, SQLITE_FULL."""

    async def run() -> None:
        async with Store(tmp_path / "t.db", RETENTION, Clock()) as store:
            await store.add([make(1)])
            await store.do(disk_of(60))
            with pytest.raises(StoreError, match="is full: free disk space"):
                await store.add([make(number, tags={"payload": "x" * 9000}) for number in range(2, 100)])
            assert "is full" in store.writer.problem
            assert await found(store) == {1}
            await store.do(disk_of(100000))
            await store.add([make(5)])
            assert store.writer.problem == ""
            assert await found(store) == {1, 5}

    asyncio.run(run())


def test_a_folder_that_is_not_there_is_told_until_it_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with Store(tmp_path / "later" / "t.db", RETENTION, Clock()) as store:
            with pytest.raises(StoreError, match="can't be written: check that its folder exists"):
                await store.add([make(1)])
            with pytest.raises(StoreError):
                await store.ask(services)
            (tmp_path / "later").mkdir()
            await store.add([make(1)])
            assert await store.ask(services) == ["web.default"]

    asyncio.run(run())


def test_one_bad_work_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with Store(tmp_path / "t.db", RETENTION, Clock()) as store:
            bad = make(2, start=1 << 63)  # no 64-bit number: SQLite refuses it
            results = await asyncio.gather(
                store.add([make(1)]), store.add([bad]), store.add([make(3)]), return_exceptions=True
            )
            assert [type(result) for result in results] == [type(None), OverflowError, type(None)]
            assert await found(store) == {1, 3}

    asyncio.run(run())


def test_who_goes_away_while_waiting_does_not_stop_the_writer(tmp_path: Path) -> None:
    async def run() -> None:
        async with Store(tmp_path / "t.db", RETENTION, Clock()) as store:
            for number in range(1, 50):
                waiting = asyncio.ensure_future(store.add([make(number)]))  # noqa: TID251 - to be cancelled at once
                await asyncio.sleep(0)
                waiting.cancel()
            await store.add([make(100)])
            assert 100 in await found(store)

    asyncio.run(run())


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tests.unit.observe.traces.test_store import RETENTION, Clock, make\n"
        "from tejer.observe.traces.store.store import Store\n"
        "async def run():\n"
        "    store = Store(Path(sys.argv[1]), RETENTION, Clock())\n"
        "    for number in range(1, 1000000):\n"
        "        await store.add([make(number)])\n"
        "        print(number, flush=True)\n"
        "asyncio.run(run())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        answered = [int(process.stdout.readline()) for _ in range(200)]
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout and process.stdout.close()

    async def run() -> None:
        async with Store(path, RETENTION, Clock()) as store:
            assert await found(store, service="web.default") >= set(answered)
            await store.add([make(10**7)])
            assert 10**7 in await found(store)

    asyncio.run(run())


def test_an_older_file_is_migrated_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "t.db")
    schema.open_writable(path).close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE extra (id); CREATE TABLE span (id);"))
    monkeypatch.setattr(schema, "VERSION", 2)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        schema.open_writable(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (schema.MIGRATIONS[0], "CREATE TABLE extra (id);"))
    db = schema.open_writable(path)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    assert db.execute("SELECT count(*) FROM extra").fetchone() == (0,)
    db.close()
    monkeypatch.setattr(schema, "VERSION", 1)
    with pytest.raises(ValueError, match="schema version 2, this Tejer knows up to 1"):
        schema.open_writable(path)


def test_rare_tags_are_found_among_many_blocks(tmp_path: Path) -> None:
    async def run() -> None:
        async with Store(tmp_path / "t.db", RETENTION, Clock()) as store:
            for first in range(1, 401, 20):
                await store.add([make(n, tags={"request": f"r{n}", "method": "GET"}) for n in range(first, first + 20)])
            assert await found(store, tags={"request": "r7"}) == {7}
            assert await found(store, service="web.default", tags={"request": "r333", "method": "GET"}) == {333}
            assert await found(store, tags={"request": "r7", "method": "PUT"}) == set()
            assert await found(store, tags={"pod": "web-1", "request": "r8"}) == {8}
            assert await found(store, service="other", tags={"request": "r7"}) == set()

    asyncio.run(run())


def test_searches_by_duration_operation_and_time(tmp_path: Path) -> None:
    async def run() -> None:
        async with Store(tmp_path / "t.db", RETENTION, Clock()) as store:
            await store.add([make(1, ms=5), make(2, ms=50), make(3, ms=500, start=T0 + HOUR)])
            web = "web.default"
            assert await found(store, service=web, shortest_ns=50_000_000) == {2, 3}
            assert await found(store, service=web, longest_ns=50_000_000) == {1, 2}
            assert await found(store, service=web, operation="GET /", start_ns=T0 + 1) == {3}
            assert await found(store, service=web, end_ns=T0) == {1, 2}
            assert await found(store, service=web, operation="PUT /") == set()
            assert await found(store, service=web, kind=3) == set()
            ids = await store.ask(lambda db: find_traces(db, Search("web.default", limit=1)))
            assert ids == [trace_id(3)]
            whole = await store.ask(lambda db: spans_of(db, ids))
            assert whole[trace_id(3)] == [make(3, ms=500, start=T0 + HOUR)]
            assert [one.name for one in await store.ask(lambda db: operations(db, web))] == ["GET /"]

    asyncio.run(run())
