"""Volume plans → directories and files. Blocking: small files, called in a worker thread.

A files volume is replaced whole and atomically, as the kubelet's AtomicWriter does it: `..data` is a symlink to a
timestamped directory and every visible name a symlink through it, so a reader sees all of the old or all of the new.
Source: kubernetes `pkg/volume/util/atomic_writer.go`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.volumes import MOUNT_ERROR, File, VolumePlan

_DATA, _NEW_DATA = "..data", "..data_tmp"
_HOST_TYPES = {
    "Directory": Path.is_dir, "File": Path.is_file, "Socket": Path.is_socket, "BlockDevice": Path.is_block_device,
    "CharDevice": Path.is_char_device,
}  # fmt: skip


def write_files(directory: Path, files: Mapping[str, File], group: int | None) -> bool:
    """Make `directory` hold exactly `files` (paths relative to it); False when it did already. Raises OSError.

    `group` owns the files and may read them (fsGroup).
    """
    if _current(directory, files):
        return False
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    fresh.chmod(0o755)
    for name, file in files.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode | (0o040 if group is not None else 0))
        if group is not None:
            os.chown(path, -1, group)
    old = _target(directory)
    scratch = directory / _NEW_DATA
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(fresh.name)
    scratch.replace(directory / _DATA)
    _link_names(directory, {PurePosixPath(name).parts[0] for name in files})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _link_names(directory: Path, names: set[str]) -> None:
    for name in names:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"{_DATA}/{name}")
    for entry in directory.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()


def _target(directory: Path) -> Path | None:
    try:
        return directory / (directory / _DATA).readlink()
    except OSError:
        return None


def _current(directory: Path, files: Mapping[str, File]) -> bool:
    target = _target(directory)
    if target is None:
        return False
    there = {str(path.relative_to(target)): path for path in target.rglob("*") if path.is_file()}
    return there.keys() == files.keys() and all(
        there[name].read_bytes() == file.content for name, file in files.items()
    )


def make_volume(plan: VolumePlan, directory: Path, claims: Mapping[str, str], group: int | None) -> str:
    """Where the volume is on the host, made ready. `claims`: directories of bound claims by name. Raises PlanError."""
    if plan.kind == "host":
        return _host_path(plan)
    if plan.kind == "claim":
        if plan.source not in claims:
            raise PlanError(MOUNT_ERROR, f'persistentvolumeclaim "{plan.source}" not found or not bound')
        return claims[plan.source]
    directory.mkdir(parents=True, exist_ok=True)
    if plan.kind == "empty":
        directory.chmod(0o777)
        if group is not None:
            os.chown(directory, -1, group)
            directory.chmod(0o2777)
    return str(directory)


def _host_path(plan: VolumePlan) -> str:
    path = Path(plan.source)
    if plan.host_type == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif plan.host_type == "FileOrCreate":
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
    elif plan.host_type in _HOST_TYPES and not _HOST_TYPES[plan.host_type](path):
        raise PlanError(MOUNT_ERROR, f"hostPath type check failed: {path} is not a {plan.host_type}")
    if not path.exists():
        raise PlanError(MOUNT_ERROR, f"hostPath {path} does not exist")
    return str(path)


def prepare_sub_path(source: str, sub_path: str) -> None:
    """A subPath that isn't there becomes a directory, as in Kubernetes. Symlinks may not lead out of the volume."""
    root = Path(source).resolve()
    path = root / sub_path
    if not path.resolve().is_relative_to(root):
        raise PlanError("CreateContainerConfigError", f"subPath {sub_path} leads out of its volume")
    if not path.exists():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
