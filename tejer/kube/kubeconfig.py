"""kubeconfig files: which cluster, as whom, in which namespace. Several files in $KUBECONFIG merge, the first wins.

Source: kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig. Not supported, with a clear
error: exec plugins, auth providers, user names with passwords and impersonation.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tejer.kube.connection import Connection
from tejer.kube.incluster import in_cluster, is_in_cluster

Entry = dict[str, Any]


def default_paths() -> list[Path]:
    """$KUBECONFIG split at ":", else ~/.kube/config."""
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return listed or [Path.home() / ".kube" / "config"]


def connect(kubeconfig: str = "", context: str = "") -> Connection:
    """The connection a command or istiod should use: an explicit file, $KUBECONFIG, in-cluster, ~/.kube/config.

    Raises FileNotFoundError or ValueError with what to try.
    """
    if kubeconfig:
        return load([Path(kubeconfig)], context)
    if not os.environ.get("KUBECONFIG") and not context and is_in_cluster():
        return in_cluster()
    return load(default_paths(), context)


def load(paths: Iterable[Path], context: str = "") -> Connection:
    """Read and merge `paths` and resolve `context` (default: the current one).

    Raises FileNotFoundError when no file exists and ValueError naming file and field for everything else.
    """
    paths = list(paths)
    files = [(path, _parse(path)) for path in paths if path.exists()]
    if not files:
        raise FileNotFoundError(f"no kubeconfig at {', '.join(map(str, paths))}: run `tejer up`, or set KUBECONFIG")
    name = context or next((str(doc["current-context"]) for _, doc in files if doc.get("current-context")), "")
    if not name:
        raise ValueError(f"{files[0][0]}: no current-context; choose one with --context ({_known(files)})")
    _, chosen = _find(files, "contexts", "context", name)
    cluster_path, cluster = _find(files, "clusters", "cluster", str(chosen.get("cluster", "")))
    user_path, user = _find(files, "users", "user", str(chosen.get("user", ""))) if chosen.get("user") else (name, {})
    return _connection(Path(cluster_path), cluster, Path(user_path), user, str(chosen.get("namespace") or "default"))


def _parse(path: Path) -> Entry:
    from ruamel.yaml import YAML  # 40 ms: only who reads a kubeconfig pays
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(path.read_text())
    except (YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a YAML file: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError(f"{path}: a kubeconfig is a mapping, this is a {type(document).__name__}")
    return document


def _known(files: list[tuple[Path, Entry]]) -> str:
    names = [str(entry.get("name")) for _, document in files for entry in document.get("contexts") or ()]
    return "known: " + ", ".join(names) if names else "none is defined"


def _find(files: list[tuple[Path, Entry]], section: str, kind: str, name: str) -> tuple[Path, Entry]:
    for path, document in files:
        for entry in document.get(section) or ():
            if isinstance(entry, dict) and entry.get("name") == name:
                return path, entry.get(kind) or {}
    hint = f" ({_known(files)})" if kind == "context" else ""
    raise ValueError(f"{files[0][0]}: no {kind} named {name!r}{hint}")


def _connection(cluster_path: Path, cluster: Entry, user_path: Path, user: Entry, namespace: str) -> Connection:
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise ValueError(f"{cluster_path}: cluster.server must be an http(s) URL, not {server!r}")
    for field, wanted in (("exec", "exec plugins"), ("auth-provider", "auth providers"), ("username", "passwords")):
        if user.get(field):
            raise ValueError(
                f"{user_path}: user.{field}: {wanted} are not supported; use a client certificate or a token "
                "(`kubectl create token` makes one)"
            )
    token_file = user.get("tokenFile")
    return Connection(
        server=server.rstrip("/"),
        ca=_data(cluster_path, cluster, "certificate-authority"),
        client_certificate=_data(user_path, user, "client-certificate"),
        client_key=_data(user_path, user, "client-key"),
        token=str(user.get("token") or ""),
        token_file=user_path.parent / token_file if token_file else None,
        server_name=str(cluster.get("tls-server-name") or ""),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        namespace=namespace,
    )


def _data(path: Path, entry: Entry, field: str) -> bytes:
    """`field`-data as base64, or the file that `field` names (relative to the kubeconfig)."""
    if inline := entry.get(f"{field}-data"):
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError(f"{path}: {field}-data is not base64") from None
    if name := entry.get(field):
        try:
            return (path.parent / str(name)).read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {field}: {error}") from None
    return b""
