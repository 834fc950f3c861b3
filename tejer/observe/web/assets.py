"""The files that pages are made of: the plain ES modules of `static/`, or the wheel's bundle of them.

The bundle (`make web`) is used only if it was made from these very sources, so a checkout always shows its own code.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

STATIC = Path(__file__).parent / "static"
BUNDLE = Path(__file__).parent / "bundle"
BUNDLE_URL = "/static/bundle/"
_TYPES = {
    ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml",
    ".woff2": "font/woff2", ".txt": "text/plain",
}  # fmt: skip
_COMPRESSED = (".js", ".css", ".json", ".svg", ".txt")


class Entry(NamedTuple):
    """URLs of a place's page: its module, and what that will import, to be fetched at the same time."""

    script: str
    preloads: tuple[str, ...] = ()


@dataclass(frozen=True)
class StaticFile:
    """`digest` names the content; `packed` is the gzip form, or empty where that gains nothing."""

    body: bytes
    packed: bytes
    digest: str
    content_type: str


class Manifest(msgspec.Struct):
    """Vite's manifest, as far as we read it: what each entry or chunk is called, and imports."""

    file: str
    imports: tuple[str, ...] = ()


class Assets:
    """Reads files once and again when they change."""

    def __init__(self, static: Path = STATIC, bundle: Path = BUNDLE) -> None:
        self._static, self._bundle = static, bundle
        self._read: dict[Path, tuple[int, StaticFile]] = {}
        self._manifest = _manifest(static, bundle)

    @property
    def bundled(self) -> bool:
        return bool(self._manifest)

    def entry(self, place: str) -> Entry:
        """What the page of `place` loads. Raises KeyError for a place that the bundle lacks."""
        source = f"places/{place}.js"
        if not self._manifest:
            return Entry(f"/static/{source}")
        chunk = self._manifest[source]
        return Entry(BUNDLE_URL + chunk.file, tuple(BUNDLE_URL + name for name in self._imports(chunk)))

    def styles(self, *names: str) -> list[str]:
        """URLs of those of the style sheets that exist, with their content's hash: browsers may keep them for ever."""
        found = {name: self.find(name) for name in names}
        return [f"/static/{name}?v={file.digest}" for name, file in found.items() if file is not None]

    def find(self, name: str) -> StaticFile | None:
        """The file at `name` below /static/, None if there is none (or it would lie elsewhere)."""
        root, inner = (self._bundle, name[7:]) if name.startswith("bundle/") else (self._static, name)
        path = (root / inner).resolve()
        if not path.is_relative_to(root.resolve()) or not path.is_file() or path.suffix not in _TYPES:
            return None
        stamp = path.stat().st_mtime_ns
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            known = self._read[path] = (stamp, _load(path))
        return known[1]

    def _imports(self, chunk: Manifest) -> Iterator[str]:
        seen: dict[str, None] = {}
        waiting = list(chunk.imports)
        while waiting:
            name = waiting.pop(0)
            if name not in seen:
                seen[name] = None
                waiting += self._manifest[name].imports
                yield self._manifest[name].file


def _load(path: Path) -> StaticFile:
    body = path.read_bytes()
    packed_file = path.with_name(path.name + ".gz")
    packed = b""
    if path.suffix in _COMPRESSED:
        packed = packed_file.read_bytes() if packed_file.exists() else gzip.compress(body, 6, mtime=0)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(body).hexdigest()[:16]
    return StaticFile(body, packed if len(packed) < len(body) else b"", digest, kind)


def _manifest(static: Path, bundle: Path) -> dict[str, Manifest]:
    """The bundle's manifest, empty when there is no bundle of these sources."""
    try:
        made_from = (bundle / "sources").read_text().strip()
        if made_from != sources_digest(static):
            return {}
        return msgspec.json.decode((bundle / "manifest.json").read_bytes(), type=dict[str, Manifest])
    except (OSError, msgspec.DecodeError):
        return {}


def sources_digest(static: Path = STATIC) -> str:
    """SHA-256 over the names and contents of all modules: what a bundle is made from."""
    total = hashlib.sha256()
    for path in sorted(static.rglob("*.js")):
        total.update(f"{path.relative_to(static)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()
