"""A container's root where the kernel can't overlay the host's: a tmpfs with the host's directories bound read-only.

A directory in which something must be made (a mountPath, a file of /etc) is opened: it becomes one of the tmpfs with
each of its entries bound, so the host's own is never written to. The rest can be read, not written: programs that
write outside /tmp, /run and their volumes fail, which the overlay spares them.
"""

from __future__ import annotations

import os
import stat

from tejer.cluster.runtime.shim.syscalls import MS_BIND, MS_RDONLY, MS_REC, MS_REMOUNT, mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tejer.cluster.runtime.shim.wire import Message

_FRESH = ("/dev", "/proc", "/sys", "/run", "/tmp")  # noqa: S108 (each container's own, mounted later)


def build(root: str, plan: Message) -> None:
    """Fill the empty directory `root` of a tmpfs."""
    opened = _directories_to_open(plan)
    os.chmod(root, 0o755)  # noqa: S103 (as / is)
    _fill("/", root, opened, set(plan["files"]))


def _directories_to_open(plan: Message) -> set[str]:
    """Existing directories of the host in which the plan makes something, with all above them."""
    wanted = [os.path.dirname(path) for path in plan["files"]]
    wanted += [os.path.dirname(mount["target"].rstrip("/")) for mount in plan["mounts"]]
    wanted += [os.path.dirname(path) for path, _ in plan["tmpfs"]] + list(plan["passable"]) + list(plan["hide"])
    return {each for path in wanted for each in _with_parents(os.path.realpath(path)) if os.path.isdir(each)}


def _with_parents(path: str) -> Iterable[str]:
    while path != "/":
        yield path
        path = os.path.dirname(path)
    yield "/"


def _fill(source: str, target: str, opened: set[str], replaced: set[str]) -> None:
    """`replaced` files are left out: the container gets its own."""
    for name in os.listdir(source):
        inner, outer = os.path.join(source, name), os.path.join(target, name)
        mode = os.lstat(inner).st_mode
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(inner), outer)
        elif inner in _FRESH:
            os.mkdir(outer)
        elif stat.S_ISDIR(mode):
            os.mkdir(outer)
            if inner in opened:
                os.chmod(outer, stat.S_IMODE(mode))
                _fill(inner, outer, opened, replaced)
            else:
                _bind(inner, outer)
        elif stat.S_ISREG(mode) and inner not in replaced:
            os.close(os.open(outer, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
            _bind(inner, outer)


def _bind(source: str, target: str) -> None:
    mount(source, target, flags=MS_BIND | MS_REC)
    mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
