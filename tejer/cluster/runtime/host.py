"""Reads this machine into a `Host`: interpreter, mounts, what containers must not see."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from tejer.cluster.config import ClusterConfig
from tejer.cluster.runtime.inputs import Host

_STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KERNEL_FILE_SYSTEMS = {
    "proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "cgroup", "cgroup2", "pstore", "bpf", "debugfs", "tracefs",
    "securityfs", "configfs", "fusectl", "mqueue", "hugetlbfs", "autofs", "binfmt_misc", "efivarfs", "nsfs", "ramfs",
    "rpc_pipefs",
}  # fmt: skip
_FRESH = ("/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp")  # noqa: S108 (containers have their own)
_SECRETS_OF_THE_USER = (
    ".tejer", ".ssh", ".kube", ".gnupg", ".aws", ".azure", ".docker", ".config/gcloud", ".config/gh", ".netrc",
    ".pgpass", ".git-credentials", ".pypirc", ".npmrc", ".vault-token", ".bash_history", ".python_history",
)  # fmt: skip
_SECRETS_OF_THE_MACHINE = (
    "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/ssh", "/etc/ssl/private", "/etc/sudoers", "/etc/sudoers.d",
    "/var/spool/cron",
)  # fmt: skip
"""What uid 0 of a container could read, since it owns the host's files as the host's root does."""
_SAMPLE = "finance_api"


def read_host(config: ClusterConfig) -> Host:
    python = Path(sys.executable)
    roots = _import_roots()
    needed = [python, python.resolve(), Path(sys.prefix), Path(sys.base_prefix), *roots]
    return Host(
        python=str(python),
        path=f"{python.parent}:{_STANDARD_PATH}",
        pythonpath=os.pathsep.join(str(root) for root in roots),
        submounts=submounts(Path("/proc/self/mountinfo").read_text(), avoid=(str(config.home),)),
        passable=_passable(needed),
        hidden=hidden(config.home, Path.home()),
        fresh_tmp=not any(path.is_relative_to("/tmp") for path in needed),  # noqa: S108
        users=Path("/etc/passwd").read_bytes(),
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def hidden(home: Path, user: Path) -> tuple[str, ...]:
    """What no container sees: this cluster's home, secrets of the user (whose home is `user`) and of the machine."""
    return (str(home), *(str(user / name) for name in _SECRETS_OF_THE_USER), *_SECRETS_OF_THE_MACHINE)


def submounts(mountinfo: str, avoid: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Mount points of real file systems below /, outermost first, from the text of /proc/self/mountinfo (proc(5))."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        path = left.split()[4].encode().decode("unicode_escape")
        kind = right.split()[0]
        beneath = any(path == top or path.startswith(top + "/") for top in (*_FRESH, *avoid))
        if path == "/" or kind in _KERNEL_FILE_SYSTEMS or beneath:
            continue
        found.append(path)
    return tuple(sorted(set(found)))


def _import_roots() -> tuple[Path, ...]:
    """Directories that hold our packages, when they are not installed where the interpreter looks by itself."""
    roots = []
    for package in ("tejer", _SAMPLE):
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            root = Path(place).parent
            if not root.is_relative_to(sys.prefix) and root not in roots:
                roots.append(root)
    return tuple(roots)


def _passable(needed: list[Path]) -> tuple[str, ...]:
    """Every directory on the way to what containers run, that others may not search."""
    wanted = {parent for path in needed for parent in (path, *path.parents)}
    closed = [path for path in wanted if path.is_dir() and path.stat().st_mode & 0o011 != 0o011]
    return tuple(sorted(map(str, closed)))
