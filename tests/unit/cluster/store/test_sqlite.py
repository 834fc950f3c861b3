"""What only the file can promise: durability, restarts, migrations, and honest errors of the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tejer.cluster.store import schema
from tejer.cluster.store.log import ANY_REVISION, StoreUnavailable
from tejer.cluster.store.sqlite import SqliteStore
from tejer.kube.resource import Key

WRITER = """
import asyncio, sys
from pathlib import Path
from tejer.cluster.store.sqlite import SqliteStore
from tejer.kube.resource import Key

async def one(store, n):
    await store.write(Key("", "configmaps", "default", f"c{n}"), {"metadata": {"name": f"c{n}"}}, expect=0)
    print(n, flush=True)

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await store.start()
    n = 0
    while True:
        await asyncio.gather(*(one(store, n + i) for i in range(20)))
        n += 20

asyncio.run(main())
"""


def key(name: str) -> Key:
    return Key("", "configmaps", "default", name)


def names(path: Path) -> set[str]:
    async def read() -> set[str]:
        store = SqliteStore(path)
        await store.start()
        try:
            return {item.key.name for item in store.list("", "configmaps")}
        finally:
            await store.close()

    return asyncio.run(read())


def test_kill_9_loses_no_acknowledged_write(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(400)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    assert {f"c{n}" for n in acknowledged} <= names(path)


def test_objects_history_and_revision_survive_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "store.db", window=50)
        await store.start()
        made = await store.write(key("a"), {"metadata": {"name": "a"}}, expect=0)
        changed = await store.write(key("a"), {"metadata": {"name": "a"}, "data": {"x": "y"}}, expect=made.revision)
        gone = await store.write(key("a"), None, expect=changed.revision)
        await store.close()

        again = SqliteStore(tmp_path / "store.db", window=50)
        await again.start()
        assert again.revision == gone.revision
        assert again.watch("", "configmaps", since=0)._pending == [made, changed, gone]
        assert [item.body for item in again.list("", "configmaps", at=changed.revision)] == [changed.new]
        assert (await again.write(key("a"), {"metadata": {}}, expect=0)).revision == gone.revision + 1
        await again.close()

    asyncio.run(main())


def test_the_file_is_compacted_and_revisions_never_go_back(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "store.db", window=20)
        await store.start()
        await store.write(key("keep"), {"metadata": {"name": "keep"}}, expect=0)
        for n in range(1200):
            await store.write(key("busy"), {"metadata": {"name": "busy"}, "n": n}, expect=ANY_REVISION)
        last = await store.write(key("busy"), None, expect=ANY_REVISION)
        await store.close()
        with sqlite3.connect(store.path) as db:
            rows = db.execute("SELECT count(*) FROM log").fetchone()[0]
        db.close()
        assert rows < 700

        again = SqliteStore(tmp_path / "store.db", window=20)
        await again.start()
        assert [item.key.name for item in again.list("", "configmaps")] == ["keep"]
        assert again.revision == last.revision
        await again.close()

    asyncio.run(main())


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    names(tmp_path / "store.db")
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600


def test_a_file_of_a_newer_tejer_is_refused(tmp_path: Path) -> None:
    names(tmp_path / "store.db")
    db = sqlite3.connect(tmp_path / "store.db")
    db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    with pytest.raises(ValueError, match="upgrade Tejer"):
        names(tmp_path / "store.db")


def test_a_full_disk_refuses_the_write_and_keeps_the_rest(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.start()
        made = await store.write(key("a"), {"metadata": {"name": "a"}}, expect=0)
        # SQLite's own limit stands for the disk: the error is the same SQLITE_FULL.
        writer_db = store._db
        assert writer_db is not None
        writer_db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreUnavailable, match="free some space"):
            await store.write(key("big"), {"metadata": {"name": "big"}, "data": "x" * 1_000_000}, expect=0)
        assert store.get(key("big")) is None and store.revision == made.revision
        writer_db.execute("PRAGMA max_page_count = 100000")
        after = await store.write(key("b"), {"metadata": {"name": "b"}}, expect=0)
        assert after.revision == made.revision + 1
        await store.close()

    asyncio.run(main())
    assert names(tmp_path / "store.db") == {"a", "b"}


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="writable"):
        names(tmp_path / "file" / "store.db")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnavailable, match="damaged"):
        names(tmp_path / "store.db")
