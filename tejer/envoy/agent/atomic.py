"""Replace the files of a directory all at once, so that a watcher never sees a key with another one's certificate.

The scheme of Kubernetes' atomic writer: `certs/key.pem` -> `..data/key.pem`, `certs/..data` -> `..<version>/`. Renaming
the symlink `..data` is the one step that changes all; Envoy's `watched_directory` reacts to exactly that rename.
"""

from __future__ import annotations

import os
from pathlib import Path

_DATA = "..data"


def replace_files(directory: Path, files: dict[str, bytes]) -> None:
    """Make `directory` hold exactly `files` ({plain name: content}), readable by their owner only (mode 0600)."""
    directory.mkdir(parents=True, exist_ok=True)
    version = directory / f"..{os.urandom(8).hex()}"
    version.mkdir(mode=0o700)
    try:
        for name, content in files.items():
            _write_private(version / name, content)
        pending = version.with_name(version.name + ".link")
        pending.symlink_to(version.name)
        pending.rename(directory / _DATA)
    except OSError:
        _remove(version)
        raise
    for name in files:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"{_DATA}/{name}")
    _remove_leftovers(directory, keep=version.name, names=set(files))


def read_files(directory: Path) -> dict[str, bytes]:
    """The current files; empty when nothing was written yet."""
    data = directory / _DATA
    return {path.name: path.read_bytes() for path in data.iterdir()} if data.is_dir() else {}


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _remove_leftovers(directory: Path, keep: str, names: set[str]) -> None:
    for path in directory.iterdir():
        if path.name in (keep, _DATA) or path.name in names:
            continue
        _remove(path)


def _remove(path: Path) -> None:
    """A file, a link, or a directory of files (`shutil` would cost the agent a megabyte)."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for file in path.iterdir():
        file.unlink(missing_ok=True)
    path.rmdir()
