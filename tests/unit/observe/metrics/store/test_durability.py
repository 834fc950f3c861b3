"""What is left after the process, the disk or a file came to harm."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from random import random

import pytest

from tejer.observe.metrics.series import Matcher
from tejer.observe.metrics.store import files, group
from tejer.observe.metrics.store.store import Store
from tejer.observe.metrics.store.syncing import Syncing, sync
from tests.unit.observe.metrics.store.filling import BASE, STEP, put, samples

DAY = 86_400_000
_WRITER = """
import sys
import threading
from pathlib import Path
from tejer.observe.metrics.store.store import Store
store = Store(Path(sys.argv[1]), 10**10)
references = [store.reference((("__name__", f"m{i}"),)) for i in range(400)]
k = 0
while True:
    store.append(1_700_000_000_000 + k * 1000, references, [float(k)] * 400)
    k += 1
    print(k, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout:
        acknowledged = next(int(line) for line in writer.stdout if int(line) >= 600)
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    writer.wait(30)
    store = Store(tmp_path, 10**10)
    held = samples(store)
    assert len(held) == 400
    for series in held.values():
        assert [series[BASE + k * 1000] for k in range(acknowledged)] == [float(k) for k in range(acknowledged)]
    assert store.problems() == []
    store.close()


def _copied(tmp_path: Path, store: Store) -> Path:
    """The files as a crash would leave them: the store is still open."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in (tmp_path / "data").glob("*.db*"):
        (copy / path.name).write_bytes(path.read_bytes())
    store.close()
    return copy


def test_a_torn_end_is_cut(tmp_path: Path) -> None:
    store = Store(tmp_path / "data", DAY)
    for k in range(20):
        put(store, BASE + k * STEP, {"a": float(k), "b": float(-k)})
    copy = _copied(tmp_path, store)
    (wal,) = copy.glob("*-wal")
    (copy / f"{BASE}.db-shm").unlink()
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - 1000)
    store = Store(copy, DAY)
    held = samples(store)["a"]
    assert 15 <= len(held) < 20
    assert held == {BASE + k * STEP: float(k) for k in range(len(held))}
    put(store, BASE + 30 * STEP, {"a": 30.0})
    assert len(samples(store)["a"]) == len(held) + 1
    store.close()


@pytest.mark.parametrize("newest", [False, True])
def test_a_block_that_is_broken_is_set_aside_and_named(tmp_path: Path, newest: bool) -> None:
    store = Store(tmp_path, 15 * DAY)
    put(store, BASE, {"a": 1.0})
    put(store, BASE + files.WINDOW_MS, {"a": 2.0})
    store.close()
    broken = BASE + files.WINDOW_MS if newest else BASE
    (tmp_path / f"{broken}.db").write_bytes(b"not a database, but long enough to be one" * 200)
    store = Store(tmp_path, 15 * DAY)
    (problem,) = store.problems()
    assert f"{broken}.db.corrupt" in problem
    assert (tmp_path / f"{broken}.db.corrupt").exists()
    assert len(samples(store)["a"]) == 1
    put(store, BASE + files.WINDOW_MS + STEP, {"a": 3.0})
    assert len(samples(store)["a"]) == 2
    store.close()


def test_a_damaged_page_is_named_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_COLUMNS", 4)
    store = Store(tmp_path, 15 * DAY)
    for k in range(12):
        put(store, BASE + k * STEP, {"a": float(k)})
    store.close()
    with sqlite3.connect(tmp_path / f"{BASE}.db") as connection:
        connection.execute("UPDATE pages SET vals = zeroblob(20) WHERE id = 2")
    connection.close()
    store = Store(tmp_path, 15 * DAY)
    assert sorted(samples(store)["a"].values()) == [0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0, 11.0]
    (problem,) = store.problems()
    assert f"{BASE}.db: a page" in problem
    store.close()


def test_a_full_disk_is_told_and_memory_goes_on(tmp_path: Path) -> None:
    now = [0.0]
    store = Store(tmp_path, 15 * DAY, monotonic=lambda: now[0])
    put(store, BASE, {"a": 0.0})
    block = store._files.current
    assert block is not None
    (pages,) = block._writing.execute("PRAGMA page_count").fetchone()
    block._writing.execute(f"PRAGMA max_page_count = {pages}")
    wide = {f"m{i}": float(i) for i in range(500)}
    for k in range(1, 300):  # more than one array's worth
        put(store, BASE + k * STEP, {"a": float(k), **wide})
    assert store.problems() == [f"samples are only in memory: {tmp_path}: database or disk is full"]
    assert len(samples(store)["a"]) == 300
    block._writing.execute("PRAGMA max_page_count = 1000000")
    put(store, BASE + 300 * STEP, {"a": 300.0})
    assert store.problems() != [], "not tried again at once"
    now[0] += 60
    put(store, BASE + 301 * STEP, {"a": 301.0})
    assert store.problems() == []
    store.close()
    store = Store(tmp_path, 15 * DAY)
    assert samples(store, Matcher("__name__", "=", "a"))["a"] == {BASE + k * STEP: float(k) for k in range(302)}
    assert len(samples(store)["m499"]) == 299
    store.close()


def test_memory_is_bounded_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tejer.observe.metrics.store.writing.HELD_BYTES", 100_000)
    monkeypatch.setattr(group, "MOST_COLUMNS", 10)
    store = Store(tmp_path, 15 * DAY, monotonic=lambda: 0.0)
    put(store, BASE, {"a": 0.0})
    assert store._files.current is not None
    (pages,) = store._files.current._writing.execute("PRAGMA page_count").fetchone()
    store._files.current._writing.execute(f"PRAGMA max_page_count = {pages}")
    for k in range(1, 100):
        put(store, BASE + k * STEP, {f"m{i}": random() for i in range(500)})
    assert store.problems() != []
    held = samples(store)["m1"]
    assert BASE + 99 * STEP in held
    assert 20 <= len(held) <= 30
    store.close()


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    store = Store(tmp_path, DAY)
    with pytest.raises(OSError, match="another process writes here"):
        Store(tmp_path, DAY)
    store.close()
    Store(tmp_path, DAY).close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Store(tmp_path / "file" / "data", DAY)


def test_the_log_is_synced_by_a_thread(tmp_path: Path) -> None:
    sync(tmp_path / "absent-wal")
    (tmp_path / "1.db-wal").write_bytes(b"log")
    asked = threading.Event()

    def current() -> Path:
        asked.set()
        return tmp_path / "1.db"

    syncing = Syncing(current, seconds=0.001)
    assert asked.wait(30)
    syncing.close()
    assert not syncing._thread.is_alive()
