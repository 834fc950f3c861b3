"""One file of samples: all that was written in some hours, with the labels of its series.

SQLite, because its own log makes an append atomic: a process killed in the middle leaves whole appends only, and a torn
end of the log is cut by SQLite when the file is next opened. `log` holds appends as they came; when a group's array is
full its samples move, in one transaction, to `pages`, which are never changed again.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from tejer.observe.metrics.arrays import Values
from tejer.observe.metrics.series import Labels
from tejer.observe.metrics.store.encoding import Ids, pack_integers, pack_values, unpack_integers, unpack_values
from tejer.observe.metrics.store.group import Piece

_SCHEMA = """
CREATE TABLE series (id INTEGER PRIMARY KEY, numbers BLOB NOT NULL, labels BLOB NOT NULL);
CREATE TABLE layouts (id INTEGER PRIMARY KEY, series BLOB NOT NULL UNIQUE);
CREATE TABLE log (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, time INTEGER NOT NULL, series BLOB, vals BLOB);
CREATE INDEX log_of_group ON log (grp);
CREATE TABLE pages (
    id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, layout INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    times BLOB NOT NULL, vals BLOB NOT NULL
);
CREATE INDEX pages_by_layout ON pages (layout, end);
PRAGMA user_version = 1;
"""
VERSION = 1
_labels = msgspec.json.Decoder(tuple[tuple[tuple[str, str], ...], ...])

Damage: TypeAlias = Callable[[str], None]
"""Told what can't be read."""


class Logged(NamedTuple):
    """One append as it is in the log; the same that `write_log` took."""

    group: int
    time: int
    series: Ids
    values: Values


class Block:
    """`start` is the time of its first sample, and the file's name. Reads may come from other threads."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error for what is no block, or can't be written."""
        self.path, self.start = path, int(path.stem)
        self._writing = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._writing.execute("PRAGMA journal_mode = WAL")
            self._writing.execute("PRAGMA synchronous = NORMAL")
            (version,) = self._writing.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._writing.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            elif version != VERSION:
                raise sqlite3.DatabaseError(f"schema version {version}; this program reads {VERSION}")
        except BaseException:
            self._writing.close()
            raise
        self._reading: sqlite3.Connection | None = None
        self._turn = threading.Lock()
        self._layouts: dict[int, Ids] = {}

    def close(self) -> None:
        with self._turn:
            if self._reading is not None:
                self._reading.close()
            self._writing.close()

    def bytes(self) -> int:
        """On disk, its log included."""
        return size_of(self.path)

    def finish(self) -> tuple[int, int]:
        """Nothing more will be written: put SQLite's log into the file, and close it. Gives its span."""
        span = self.span()
        with suppress(sqlite3.Error):  # then the log stays beside it, and is read with it
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.close()
        return span

    # Writing. Everything between `begin` and `commit` is written or nothing of it.

    def begin(self) -> None:
        self._writing.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._writing.execute("COMMIT")

    def roll_back(self) -> None:
        if self._writing.in_transaction:
            self._writing.execute("ROLLBACK")

    def write_series(self, numbers: Sequence[int], labels: Sequence[Labels]) -> None:
        row = (pack_integers(numbers), zlib.compress(msgspec.json.encode(labels), 1))
        self._writing.execute("INSERT INTO series (numbers, labels) VALUES (?, ?)", row)

    def write_log(self, group: int, time: int, series: Ids, values: Values) -> None:
        row = (group, time, pack_integers(series), zlib.compress(np.ascontiguousarray(values).tobytes(), 1))
        self._writing.execute("INSERT INTO log (grp, time, series, vals) VALUES (?, ?, ?, ?)", row)

    def write_page(self, piece: Piece) -> None:
        series = pack_integers(piece.ids)
        self._writing.execute("INSERT OR IGNORE INTO layouts (series) VALUES (?)", (series,))
        (layout,) = self._writing.execute("SELECT id FROM layouts WHERE series = ?", (series,)).fetchone()
        start, end = int(piece.times[0]), int(piece.times[-1])
        row = (piece.group, layout, start, end, pack_integers(piece.times), pack_values(piece.values))
        self._writing.execute("INSERT INTO pages (grp, layout, start, end, times, vals) VALUES (?, ?, ?, ?, ?, ?)", row)

    def forget_log(self, group: int | None = None) -> None:
        """Of this group, or of all."""
        if group is None:
            self._writing.execute("DELETE FROM log")
        else:
            self._writing.execute("DELETE FROM log WHERE grp = ?", (group,))

    # Reading.

    def series(self, damage: Damage) -> dict[int, Labels]:
        """By number."""
        found: dict[int, Labels] = {}
        for numbers, labels in self._rows("SELECT numbers, labels FROM series ORDER BY id"):
            try:
                found.update(
                    zip(unpack_integers(numbers).tolist(), _labels.decode(zlib.decompress(labels)), strict=True)
                )
            except (zlib.error, ValueError) as error:
                damage(f"{self.path}: labels of series: {error}")
        return found

    def logged(self, damage: Damage) -> Iterator[Logged]:
        for group, time, series, values in self._rows("SELECT grp, time, series, vals FROM log ORDER BY id"):
            try:
                found = np.frombuffer(zlib.decompress(values), np.float64)
                yield Logged(group, time, unpack_integers(series), found)
            except (zlib.error, ValueError) as error:
                damage(f"{self.path}: samples of {time}: {error}")

    def floors(self) -> dict[int, int]:
        """The newest time in the pages of each group."""
        return dict(self._rows("SELECT grp, max(end) FROM pages GROUP BY grp"))

    def span(self) -> tuple[int, int]:
        """The oldest and the newest time of its pages; of an empty block, its start."""
        ((start, end),) = self._rows("SELECT min(start), max(end) FROM pages")
        return (self.start, self.start) if start is None else (start, end)

    def pieces(self, wanted: Ids, start: int, end: int, damage: Damage) -> Iterator[Piece]:
        """The sealed samples of these series in start <= time <= end."""
        for layout, rows, ids in list(self._layouts_with(wanted, damage)):
            query = "SELECT grp, times, vals FROM pages WHERE layout = ? AND end >= ? AND start <= ? ORDER BY start"
            for group, packed, values in self._rows(query, (layout, start, end)):
                try:
                    times = unpack_integers(packed)
                    page = unpack_values(values, len(self._layouts[layout]), len(times))
                except ValueError as error:
                    damage(f"{self.path}: a page of group {group}: {error}")
                    continue
                low, high = np.searchsorted(times, start), np.searchsorted(times, end, "right")
                if low < high:
                    yield Piece(group, ids, times[low:high], page[rows, low:high])

    def _layouts_with(self, wanted: Ids, damage: Damage) -> Iterator[tuple[int, Ids, Ids]]:
        """(layout, rows in it, their series) of each layout that has any of them."""
        with self._turn:
            newest = max(self._layouts, default=0)
        for layout, data in self._rows("SELECT id, series FROM layouts WHERE id > ?", (newest,)):
            try:
                self._layouts[layout] = unpack_integers(data)
            except ValueError as error:
                damage(f"{self.path}: the series of layout {layout}: {error}")
        for layout, series in list(self._layouts.items()):
            rows = np.flatnonzero(np.isin(series, wanted))
            if len(rows):
                yield layout, rows, series[rows]

    def _rows(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._turn:
            if self._reading is None:
                self._reading = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
                self._reading.execute("PRAGMA cache_size = -256")
            return self._reading.execute(query, parameters).fetchall()


def size_of(path: Path) -> int:
    """With the files that SQLite puts beside it."""
    total = 0
    for each in (path, path.with_name(path.name + "-wal")):
        try:
            total += each.stat().st_size
        except FileNotFoundError:
            continue
    return total
