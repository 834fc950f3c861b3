"""Starting one process: a container's first, or one more inside a running container.

Each function forks; the child never returns. What fails before the program runs comes back as text through a pipe
that exec closes, so `start` raises OSError with the reason, as if it had run the program itself.
"""

from __future__ import annotations

import _socket
import os
import select

from tejer.cluster.runtime.shim import rootfs, syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tejer.cluster.runtime.shim.wire import Message

_SIGKILL, _SIGPIPE, _SIGXFSZ = 9, 13, 25
_FAILED = 128


def start(spec: Message, stdio: tuple[int, int, int]) -> tuple[int, int]:
    """Start the first process of a container in new pid and mount namespaces; its pid, as the host sees it.

    With `tty` it gets a terminal of its own /dev/pts instead of `stdio`, whose master comes second, else -1.
    The child dies with the calling process (SIGKILL), and with it everything in its pid namespace.
    """
    if spec["tty"]:
        return _start_on_terminal(spec)
    return _in_new_namespace(lambda parent: _become_container(spec, stdio, parent)), -1


def _start_on_terminal(spec: Message) -> tuple[int, int]:
    left, right = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        pid = _in_new_namespace(lambda parent: _become_container(spec, right, parent))
        return pid, _receive_descriptors(left, 1)[0]
    finally:
        left.close()
        right.close()


def _in_new_namespace(become: Callable[[int], None]) -> int:
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.unshare(syscalls.CLONE_NEWPID)
        try:
            return _spawn(become)
        finally:
            syscalls.setns(own, syscalls.CLONE_NEWPID)
    finally:
        os.close(own)


def start_inside(pid: int, spec: Message, argv: list[str], stdio: tuple[int, int, int], *, tty: bool) -> int:
    """Start `argv` in the namespaces of `pid`, with the container's own environment and identity."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    inner = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    files = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.setns(inner, syscalls.CLONE_NEWPID)
        try:
            return _spawn(lambda parent: _become_exec(files, spec, argv, stdio, tty, parent))
        finally:
            syscalls.setns(own, syscalls.CLONE_NEWPID)
    finally:
        for fd in (own, inner, files):
            os.close(fd)


def open_terminal(pid: int, uid: int, gid: int) -> tuple[int, int]:
    """A new pseudo-terminal of the container of `pid` (both ends), so that `tty` inside finds its name.

    The caller's own mount namespace is left by a fork, the descriptors come back over a socket.
    """
    left, right = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    files = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            syscalls.setns(files, syscalls.CLONE_NEWNS)
            master, slave = os.openpty()
            os.fchown(slave, uid, gid)
            _send_descriptors(right, master, slave)
        finally:
            os._exit(0)
    right.close()
    os.close(files)
    try:
        master, slave = _receive_descriptors(left, 2)
    finally:
        left.close()
        os.waitpid(child, 0)
    return master, slave


def _send_descriptors(sock: _socket.socket, *fds: int) -> None:
    packed = b"".join(fd.to_bytes(4, "little") for fd in fds)
    sock.sendmsg([b"t"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])


def _receive_descriptors(sock: _socket.socket, count: int) -> list[int]:
    """Raises OSError when the other end was closed without sending them."""
    _, ancillary, _, _ = sock.recvmsg(1, _socket.CMSG_SPACE(4 * count), _socket.MSG_CMSG_CLOEXEC)
    if not ancillary:
        raise OSError("the container gave no terminal")
    data = ancillary[0][2]
    return [int.from_bytes(data[4 * number : 4 * number + 4], "little") for number in range(count)]


def _spawn(become: Callable[[int], None]) -> int:
    """Fork; run `become`, which ends in exec, in the child. Raises OSError with the child's complaint.

    `become` gets the writing end of the pipe: it shows an error once the parent, its only reader, is gone.
    """
    complaint, complain = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(complaint)
            become(complain)
        except OSError as error:
            os.write(complain, (error.strerror or str(error)).encode())
        except BaseException as error:
            os.write(complain, f"{type(error).__name__}: {error}".encode())
        os._exit(_FAILED)
    os.close(complain)
    try:
        text = b""
        while chunk := os.read(complaint, 4096):
            text += chunk
    finally:
        os.close(complaint)
    if text:
        os.waitpid(child, 0)
        raise OSError(text.decode(errors="replace"))
    return child


def _become_container(spec: Message, stdio: tuple[int, int, int] | _socket.socket, parent: int) -> None:
    os.setsid()
    syscalls.unshare(syscalls.CLONE_NEWNS)
    rootfs.build(spec["root"])
    if not isinstance(stdio, tuple):
        master, slave = os.openpty()
        os.fchown(slave, spec["uid"], spec["gid"])
        _send_descriptors(stdio, master)
        stdio = (slave, slave, slave)
    _identity(spec, parent)
    _run(spec, spec["argv"], spec["env"], stdio, tty=spec["tty"])


def _become_exec(
    files: int, spec: Message, argv: list[str], stdio: tuple[int, int, int], tty: bool, parent: int
) -> None:
    os.setsid()
    syscalls.setns(files, syscalls.CLONE_NEWNS)
    _identity(spec, parent)
    env = {**spec["env"], "TERM": spec["env"].get("TERM", "xterm")} if tty else spec["env"]
    _run(spec, argv, env, stdio, tty=tty)


def _identity(spec: Message, parent: int) -> None:
    """Groups, uid, capabilities: only what the plan grants, and nothing that exec could give back."""
    capabilities = frozenset(spec["capabilities"])
    if os.geteuid() == 0:
        syscalls.limit_bounding_set(capabilities)
        syscalls.keep_capabilities()
        os.setgroups(spec["groups"])
        os.setresgid(spec["gid"], spec["gid"], spec["gid"])
        os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    syscalls.set_capabilities(capabilities, ambient=spec["uid"] != 0)
    if spec["no_new_privileges"]:
        syscalls.no_new_privileges()
    syscalls.die_with_parent(_SIGKILL)
    watch = select.poll()
    watch.register(parent, 0)
    if watch.poll(0):  # it died before it could be watched
        os._exit(_FAILED)


def _run(spec: Message, argv: list[str], env: dict[str, str], stdio: tuple[int, int, int], *, tty: bool) -> None:
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)
    if tty:
        import fcntl  # only terminals need it

        fcntl.ioctl(0, 0x540E, 0)  # TIOCSCTTY
    syscalls.default_signals((_SIGPIPE, _SIGXFSZ))
    os.umask(0o022)
    try:
        os.chdir(spec["cwd"])
    except OSError as error:
        raise OSError(f'workingDir "{spec["cwd"]}": {error.strerror}') from error
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 (an argument list, no shell)
    except FileNotFoundError as error:
        raise OSError(f'exec: "{argv[0]}": executable file not found in $PATH') from error
    except PermissionError as error:
        raise OSError(f'exec: "{argv[0]}": permission denied') from error
