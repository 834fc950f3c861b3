"""The context `tejer` in the user's kubeconfig, put in and taken out without touching anything else there.

Comments and order of the user's file stay (ruamel round trip). What the current context was before is noted in
`<home>/kubeconfig.json`, so that `tejer down` can go back to it.
"""

from __future__ import annotations

import base64
import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tejer.cluster.config import ClusterConfig
from tejer.cluster.pki import Pki
from tejer.kube.kubeconfig import default_paths

CONTEXT = "tejer"
_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_LOCK_WAIT = 2.0
_BACKUP_SUFFIX = ".before-tejer"

Document = Any
"""A kubeconfig as ruamel's round-trip mapping."""


def entries(config: ClusterConfig, files: Pki) -> dict[str, dict[str, Any]]:
    """Our entry of each section, certificates inline."""
    return {
        "clusters": {"server": config.api_url, "certificate-authority-data": _base64(files.ca_cert)},
        "users": {
            "client-certificate-data": _base64(files.admin_cert),
            "client-key-data": _base64(files.admin_key),
        },
        "contexts": {"cluster": CONTEXT, "user": CONTEXT},
    }


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write_admin_kubeconfig(config: ClusterConfig, files: Pki) -> None:
    """`<home>/admin.kubeconfig`: this cluster and nothing else, for tools that are given a path."""
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for section, body in entries(config, files).items():
        document[section] = [{"name": CONTEXT, _SECTIONS[section]: body}]
    document["current-context"] = CONTEXT
    # JSON is YAML, and json is imported already.
    _write(config.admin_kubeconfig, json.dumps(document, indent=2) + "\n")


def add_context(config: ClusterConfig, files: Pki) -> Path:
    """Put the context into the user's kubeconfig and make it the current one; returns the file that was changed.

    Raises OSError, and ValueError when the user's file is no kubeconfig (it is then left alone).
    """
    path = _file_to_change()
    with _locked(path):
        document = _load(path)
        before = str(document.get("current-context") or "")
        if path.exists() and not _has_context(document):
            _write(_backup_of(path), path.read_text())
        changed = _set_entries(document, entries(config, files))
        if before != CONTEXT:
            document["current-context"] = CONTEXT
            _note(config, path, before)
            changed = True
        if changed:
            _write(path, _dump(document))
    return path


def remove_context(config: ClusterConfig) -> None:
    """Take out what `add_context` put in, if it is still about this cluster, and go back to the earlier context."""
    path, before = _noted(config)
    if path is None or not path.exists():
        return
    with _locked(path):
        document = _load(path)
        if not _is_ours(document, config):
            return
        for section in _SECTIONS:
            kept = [entry for entry in document.get(section) or [] if entry.get("name") != CONTEXT]
            if section in document:
                _replace(document, section, kept)
        if document.get("current-context") == CONTEXT:
            names = [str(entry.get("name")) for entry in document.get("contexts") or []]
            document["current-context"] = before if before in names else ""
        if any(document.get(section) for section in _SECTIONS):
            _write(path, _dump(document))
        else:
            path.unlink()
        _backup_of(path).unlink(missing_ok=True)
    _note_path(config).unlink(missing_ok=True)


def _file_to_change() -> Path:
    """The file that has our context already, else the first of $KUBECONFIG (kubectl's rule), else ~/.kube/config."""
    paths = default_paths()
    for path in paths:
        if path.exists() and _has_context(_load(path)):
            return path
    return paths[0]


def _has_context(document: Document) -> bool:
    return any(entry.get("name") == CONTEXT for entry in document.get("contexts") or [])


def _is_ours(document: Document, config: ClusterConfig) -> bool:
    servers = [
        (entry.get("cluster") or {}).get("server")
        for entry in document.get("clusters") or []
        if entry.get("name") == CONTEXT
    ]
    return servers == [config.api_url]


def _set_entries(document: Document, wanted: dict[str, dict[str, Any]]) -> bool:
    changed = False
    for section, body in wanted.items():
        kind = _SECTIONS[section]
        found = [entry for entry in document.get(section) or [] if entry.get("name") == CONTEXT]
        if found:
            if dict(found[0].get(kind) or {}) != body:
                found[0][kind] = body
                changed = True
            continue
        entry = {kind: body, "name": CONTEXT}
        if document.get(section):
            document[section].append(entry)
        else:
            document[section] = [entry]
        changed = True
    return changed


def _replace(document: Document, section: str, kept: list[Any]) -> None:
    """Remove from the list in place, so that comments on what stays stay too."""
    entries_now = document[section] or []
    for index in range(len(entries_now) - 1, -1, -1):
        if entries_now[index] not in kept:
            del entries_now[index]


def _yaml() -> Any:
    from ruamel.yaml import YAML  # 40 ms: only who changes a kubeconfig pays

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 30
    return yaml


def _load(path: Path) -> Document:
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text()
    except FileNotFoundError:
        text = ""
    try:
        document = _yaml().load(text or "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    except YAMLError as error:
        raise ValueError(f"{path} is not YAML, so it was left alone: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path} is no kubeconfig (not a mapping), so it was left alone")
    return document


def _dump(document: Document) -> str:
    text = io.StringIO()
    _yaml().dump(document, text)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """Replace `path` atomically with a file that only its owner can read. A symbolic link is followed, not replaced."""
    path = path.resolve()
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.tejer-tmp")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    scratch.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """kubectl's own lock: `<file>.lock`, made exclusively."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    until = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            if time.monotonic() > until:
                raise OSError(f"{lock} exists: another program changes {path.name}, or left it; remove it") from None
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _backup_of(path: Path) -> Path:
    return path.with_name(path.name + _BACKUP_SUFFIX)


def _note_path(config: ClusterConfig) -> Path:
    return config.home / "kubeconfig.json"


def _note(config: ClusterConfig, path: Path, before: str) -> None:
    _note_path(config).write_text(json.dumps({"path": str(path), "previous": before}) + "\n")


def _noted(config: ClusterConfig) -> tuple[Path | None, str]:
    try:
        note = json.loads(_note_path(config).read_text())
        return Path(note["path"]), str(note["previous"])
    except (OSError, ValueError, KeyError):
        return None, ""
