"""A container's view of the file system, built in its own mount and pid namespace, before its program starts.

Its root is an overlay of the host's: it sees the host's programs, may write anywhere, and changes nothing but a tmpfs
of its own. Fresh are /dev, /proc, /sys, /run and what the plan lists; hidden is what the plan names (the cluster's
own secrets). Volumes are bind-mounted at their mountPath last. The plan is the `root` of a launch message, see
`tejer.cluster.runtime.rootplan`.
"""

from __future__ import annotations

import os
import stat

from tejer.cluster.runtime.shim.syscalls import (
    MNT_DETACH,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
    pivot_root,
    unmount,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tejer.cluster.runtime.shim.wire import Message

OLD = "/.tejer-host"
_STAGE = "/.tejer-volumes"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEV_LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
              "stderr": "/proc/self/fd/2"}  # fmt: skip
_READ_ONLY_PROC = ("bus", "fs", "irq", "sys", "sysrq-trigger")


def build(plan: Message) -> None:
    """Make the calling process's root the one of `plan`. Raises OSError naming the mount that failed."""
    sources = [(_resolved(m), m) for m in plan["mounts"]]  # symlinks mean the host's tree
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    root = _fresh_root(plan)
    old = root + OLD
    os.mkdir(old)
    pivot_root(root, old)
    os.chdir("/")
    _devices()
    _kernel_views()
    os.mkdir(_STAGE, 0o700)
    mount("tmpfs", _STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=64k")
    for path in plan["hide"]:
        _hide(path)
    for path, mode in plan["tmpfs"]:
        os.makedirs(path, exist_ok=True)
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")
    for path in plan["passable"]:
        _let_pass(path)
    for path, content in plan["files"].items():
        _write(path, content)
    staged = [(_stage(source, number), volume) for number, (source, volume) in enumerate(sources)]
    # A mountPath may lead anywhere, by its own words or by a link that a volume holds: the host must be gone by then.
    unmount(OLD, MNT_DETACH)
    os.rmdir(OLD)
    for source, volume in staged:
        _volume(source, volume)
    unmount(_STAGE, MNT_DETACH)
    os.rmdir(_STAGE)
    if plan["readonly"]:
        mount("none", "/", flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def _fresh_root(plan: Message) -> str:
    """A directory that looks like the host's root; answers where."""
    scratch = plan["scratch"]
    os.makedirs(scratch, exist_ok=True)
    mount("tmpfs", scratch, "tmpfs", MS_NODEV, "mode=755")
    root: str = scratch + "/root"
    os.mkdir(root)
    try:
        if not plan["overlay"]:
            raise OSError("told not to")
        _overlays(scratch, root, plan["submounts"])
    except OSError:
        from tejer.cluster.runtime.shim import bindroot  # seldom needed

        os.chdir("/")
        mount(root, root, flags=MS_BIND)  # pivot_root wants a mount
        bindroot.build(root, plan)
    return root


def _overlays(scratch: str, root: str, submounts: list[str]) -> None:
    """The host's root and each of its real mounts, overlaid. Relative names: a path may hold commas."""
    for number, path in enumerate(["/", *submounts]):
        target = root + path
        if not (os.path.isdir(path) and os.path.isdir(target)):
            continue
        os.chdir(scratch)
        os.mkdir(f"up{number}", 0o755)
        os.mkdir(f"work{number}")
        try:
            os.symlink(path, f"low{number}")
            mount(
                "overlay", target, "overlay", MS_NODEV, f"lowerdir=low{number},upperdir=up{number},workdir=work{number}"
            )
        except OSError:
            if number == 0:
                raise
            mount(path, target, flags=MS_BIND)  # not every file system can be a lower layer
            mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def _devices() -> None:
    """A /dev with nothing in it that reaches hardware."""
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k")
    for name in _DEVICES:
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
        mount(f"{OLD}/dev/{name}", f"/dev/{name}", flags=MS_BIND)
    for name, target in _DEV_LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.mkdir("/dev/pts")
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.mkdir("/dev/shm")  # noqa: S108 (this is the mount point itself)
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")  # noqa: S108


def _kernel_views() -> None:
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for name in _READ_ONLY_PROC:
        path = f"/proc/{name}"
        if os.path.exists(path):
            mount(path, path, flags=MS_BIND | MS_REC)
            mount("none", path, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    try:
        mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    except OSError:
        mount(f"{OLD}/sys", "/sys", flags=MS_BIND | MS_REC)


def _hide(path: str) -> None:
    if os.path.isdir(path):
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4k")
    elif os.path.exists(path):
        mount("/dev/null", path, flags=MS_BIND)


def _let_pass(path: str) -> None:
    """Add search permission to a directory on the way to the interpreter (/root is 0700): in this root only."""
    mode = os.stat(path).st_mode
    if mode & 0o011 != 0o011:
        try:
            os.chmod(path, (mode | 0o011) & 0o7777)  # noqa: S103
        except OSError:
            return  # a read-only bind: only root gets through


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)  # /etc/resolv.conf is often a link to somewhere that isn't here
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)


def _resolved(volume: Message) -> str:
    """The real path of a mount's source. Raises OSError when a subPath's links lead out of the volume (`inside`)."""
    path: str = os.path.realpath(volume["source"])
    inside: str = os.path.realpath(volume.get("inside") or volume["source"])
    if path != inside and not path.startswith(inside + "/"):
        raise OSError(f"subPath {volume['source']} leads out of its volume")
    return path


def _stage(source: str, number: int) -> str:
    """Bind the host's `source`, a path without links, to a place that stays when the host's tree goes; answers where.

    Another container may put a link into a volume at any moment, so no step of the way follows one.
    """
    place = f"{_STAGE}/{number}"
    fd = os.open(OLD, os.O_PATH | os.O_CLOEXEC)
    for name in source.strip("/").split("/"):
        above, fd = fd, os.open(name or ".", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        os.close(above)
    found = os.fstat(fd).st_mode
    if stat.S_ISLNK(found):
        raise OSError(f"{source} has become a link")
    if stat.S_ISDIR(found):
        os.mkdir(place)
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    mount(f"/proc/self/fd/{fd}", place, flags=MS_BIND | MS_REC)
    os.close(fd)
    return place


def _volume(source: str, volume: Message) -> None:
    target = volume["target"]
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    mount(source, target, flags=MS_BIND | MS_REC)
    if volume["readonly"]:
        mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
