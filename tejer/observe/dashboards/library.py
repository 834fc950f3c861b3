"""The dashboards there are: provisioned ones, read from folders (ConfigMaps' mounts), and those that users imported.

Imported ones are files of our data directory, as Grafana keeps them in its own database: the server then needs no right
to write to the cluster, and a dashboard may outgrow the 1 MiB of a ConfigMap. They last as long as that volume does.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tejer.observe.dashboards.reading.dashboard import Reading, read
from tejer.observe.dashboards.reading.document import MAX_BYTES, DashboardError

log = logging.getLogger(__name__)
MAX_FILES = 500
MAX_IMPORTED = 200
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Shelf:
    """A folder of dashboard files, shown under `folder`'s name."""

    folder: str
    path: Path


@dataclass(frozen=True)
class Entry:
    """A dashboard on its shelf; `digest` changes with its content."""

    reading: Reading
    folder: str
    imported: bool
    digest: str

    @property
    def uid(self) -> str:
        return self.reading.dashboard.uid

    @property
    def slug(self) -> str:
        """As in Grafana's addresses: `/d/UID/istio-mesh-dashboard`."""
        return _NOT_WORD.sub("-", self.reading.dashboard.title.lower()).strip("-") or "dashboard"

    @property
    def url(self) -> str:
        return f"/d/{self.uid}/{self.slug}"


class Library:
    """Files are read again when they change; one that can't be read is logged and named in `problems`."""

    def __init__(self, shelves: Sequence[Shelf], imported: Path | None) -> None:
        self._shelves, self._imported = tuple(shelves), imported
        self._cache: dict[Path, tuple[_Stamp, Entry | str]] = {}
        self.problems: dict[str, str] = {}

    def all(self) -> list[Entry]:
        """By folder and title. Of two with one uid the provisioned one is kept, as in Grafana."""
        found: dict[str, Entry] = {}
        problems: dict[str, str] = {}
        seen: set[Path] = set()
        for shelf, imported in self._all_shelves():
            for path in _files(shelf.path):
                seen.add(path)
                entry = self._load(path, shelf.folder, imported)
                if isinstance(entry, str):
                    problems[path.name] = entry
                else:
                    found.setdefault(entry.uid, entry)
        self._cache = {path: cached for path, cached in self._cache.items() if path in seen}
        self.problems = problems
        return sorted(found.values(), key=lambda entry: (entry.folder, entry.reading.dashboard.title))

    def get(self, uid: str) -> Entry | None:
        return next((entry for entry in self.all() if entry.uid == uid), None)

    def add(self, data: bytes) -> Entry:
        """Keep an imported dashboard; one with the same uid is replaced. Raises DashboardError."""
        reading = read(data)
        uid = reading.dashboard.uid
        if self._imported is None:
            raise DashboardError("this server has no data directory to keep imported dashboards in")
        entries = self.all()
        if any(entry.uid == uid and not entry.imported for entry in entries):
            raise DashboardError(
                f'uid "{uid}" is that of a provisioned dashboard, which only its file changes: give yours another "uid"'
            )
        if sum(entry.imported for entry in entries) >= MAX_IMPORTED and not any(entry.uid == uid for entry in entries):
            raise DashboardError(f"{MAX_IMPORTED} imported dashboards are kept; delete one first")
        self._imported.mkdir(parents=True, exist_ok=True)
        _write(self._imported / f"{uid}.json", data)
        added = self.get(uid)
        assert added is not None
        return added

    def remove(self, uid: str) -> bool:
        """Delete an imported dashboard; False when there is none of that uid."""
        if self._imported is None or not _UID.fullmatch(uid):
            return False
        path = self._imported / f"{uid}.json"
        if not path.is_file():
            return False
        path.unlink()
        return True

    def _all_shelves(self) -> Iterator[tuple[Shelf, bool]]:
        for shelf in self._shelves:
            yield shelf, False
        if self._imported is not None:
            yield Shelf("", self._imported), True

    def _load(self, path: Path, folder: str, imported: bool) -> Entry | str:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            cached = self._cache.get(path)
            if cached is not None and cached[0] == stamp:
                return cached[1]
            if status.st_size > MAX_BYTES:
                raise DashboardError(f"{status.st_size:,} bytes are more than a dashboard may have ({MAX_BYTES:,})")
            data = path.read_bytes()
            found: Entry | str = Entry(read(data), folder, imported, hashlib.sha256(data).hexdigest()[:16])
        except DashboardError as error:
            found = str(error)
            log.warning("dashboard %s can't be read: %s", path, error)
        except OSError as error:
            return f"{error.strerror or error}"
        self._cache[path] = (stamp, found)
        return found


def _files(root: Path) -> list[Path]:
    """`*.json` below `root`, a few levels deep. A ConfigMap's mount has its files twice: once below a `..` folder."""
    found: list[Path] = []
    waiting = [(root, 0)]
    while waiting and len(found) < MAX_FILES:
        folder, depth = waiting.pop()
        try:
            inside = sorted(folder.iterdir())
        except OSError:
            continue
        for path in inside:
            if path.name.startswith("."):
                continue
            if path.suffix == ".json" and path.is_file():
                found.append(path)
            elif depth < 3 and path.is_dir():
                waiting.append((path, depth + 1))
    return found[:MAX_FILES]


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, whenever the process ends."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
