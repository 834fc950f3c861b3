"""Where shims come from: one process with everything loaded that forks a shim for each pod.

Starting an interpreter takes 30 ms and 4 MB of private memory per pod; a fork takes 2 ms and shares its pages. The
node agent starts the nursery and sends it requests over a socket: a frame with `directory`, `hostname`, `own_network`
and two descriptors, the pod's listening socket and its log. The answer is `pid`. When the agent goes, so does the
nursery; the shims stay.
"""

from __future__ import annotations

import _socket
import ctypes
import gc
import os
import select
import sys

from tejer.cluster.runtime.shim import main as shim
from tejer.cluster.runtime.shim.wire import Decoder, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tejer.cluster.runtime.shim.wire import Message

TITLE_ROOM = 1024
"""Length of the last argument, which exists to be written over: a shim's command line shows whose it is."""
_READABLE = select.POLLIN | select.POLLHUP


def run(fd: int) -> None:
    """Serve requests until the agent closes its end."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
    decoder, children, poll = Decoder(), dict[int, int](), select.poll()
    os.set_inheritable(fd, False)
    gc.collect()
    gc.freeze()  # so that a child's collections don't touch, and copy, the shared pages
    poll.register(fd, _READABLE)
    while True:
        for ready, _ in poll.poll():
            if ready != fd:
                os.waitpid(children.pop(ready), 0)
                poll.unregister(ready)
                os.close(ready)
                continue
            data, ancillary, _, _ = sock.recvmsg(65536, _socket.CMSG_SPACE(8), _socket.MSG_CMSG_CLOEXEC)
            if not data:
                return
            fds = [int.from_bytes(packed[i : i + 4], "little") for _, _, packed in ancillary for i in (0, 4)]
            for request in decoder.feed(data):
                pid = _bear(request, fds, (fd, *children))
                pidfd = os.pidfd_open(pid)
                children[pidfd] = pid
                poll.register(pidfd, _READABLE)
                sock.send(encode({"pid": pid}))


def _bear(request: Message, fds: list[int], not_its_own: tuple[int, ...]) -> int:
    """Fork a shim that owns `fds` (listener, log); its pid."""
    listener, log = fds
    pid = os.fork()
    if pid == 0:
        try:
            for fd in not_its_own:
                os.close(fd)
            os.setsid()
            for target in (1, 2):
                os.dup2(log, target)
            arguments = [
                request["directory"],
                request["hostname"],
                "1" if request["own_network"] else "0",
                str(listener),
            ]
            _retitle([sys.executable, "-I", "-S", os.path.join(os.path.dirname(__file__), "__main__.py"), *arguments])
            shim.main(arguments)
        finally:
            os._exit(1)
    for fd in fds:
        os.close(fd)
    return pid


def _retitle(words: list[str]) -> None:
    """Write over the command line that /proc shows, as far as there is room. Source: proc(5), arg_start and arg_end."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    if not start:
        return
    room = end - start
    title = b"\0".join(os.fsencode(word) for word in words)[: room - 1]
    ctypes.memmove(start, title.ljust(room, b"\0"), room)
