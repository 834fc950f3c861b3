"""The shim: one small process per pod that outlives the cluster process.

It holds the pod's network namespace, is the parent of its containers, writes their logs, keeps their exit codes, and
takes orders over a unix socket (made by the agent, inherited listening; see `wire`). It decides nothing: what to
start, and when to start it again, the node agent says. When the shim dies, its containers do too (PR_SET_PDEATHSIG).

Orders (`op`; the answer has the same `id`, and `error` when it failed):
  hello                         → `containers`: every record; from now on `event`: "exit" messages come here
  start {spec}                  → `container`: its record
  signal {name, number}
  socket                        → a TCP socket of the pod's network namespace, as a descriptor
  exec {name, argv, tty} + 3 descriptors (none for a terminal: its master comes back)
                                → `pid`, then `event`: "exit" with `exit`; closing the connection kills it
  running {name}                → `running`: whether it does
  stdin {name}                  → a descriptor that writes to the container's standard input
  quit                          kills all and ends
"""

from __future__ import annotations

import _socket
import os
import select
import sys

from tejer.cluster.runtime.shim import launch, syscalls
from tejer.cluster.runtime.shim.containers import Record
from tejer.cluster.runtime.shim.logs import LogFile, Stream
from tejer.cluster.runtime.shim.wire import Decoder, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tejer.cluster.runtime.shim.wire import Message

_SIGKILL = 9
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
_PEER_BUFFER = 1024 * 1024
_NET_SETTINGS = {"ip_unprivileged_port_start": "0", "ping_group_range": "0 2147483647"}
"""As container engines set them: ports below 1024 and ping need no capability inside a pod."""


class Peer:
    """One connection of the agent."""

    def __init__(self, sock: _socket.socket) -> None:
        self.sock, self.decoder = sock, Decoder()
        self.received: list[int] = []
        self.subscribed = False
        self.exec_pid, self.exec_pidfd = 0, -1

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Best effort: an agent that has gone, or sleeps on a full megabyte, asks again with hello."""
        packed = b"".join(fd.to_bytes(4, "little") for fd in fds)
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)] if fds else []
        try:
            self.sock.sendmsg([encode(message)], ancillary)
        except OSError:
            return


class Shim:
    """The loop over the listener, the agent's connections, output pipes and pidfds."""

    def __init__(self, listener: int) -> None:
        self.poll = select.poll()
        self.handlers: dict[int, Callable[[], None]] = {}
        self.containers: dict[str, Record] = {}
        self.peers: list[Peer] = []
        self.listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, listener)
        self.watch(listener, self.accept)
        self.orders = {
            "hello": self.hello, "start": self.start, "signal": self.signal, "socket": self.socket,
            "exec": self.exec, "running": self.running, "stdin": self.stdin, "quit": self.quit,
        }  # fmt: skip

    def run(self) -> None:
        while True:
            for fd, _ in self.poll.poll():
                handler = self.handlers.get(fd)
                if handler is not None:
                    handler()

    def watch(self, fd: int, handler: Callable[[], None]) -> None:
        self.handlers[fd] = handler
        self.poll.register(fd, _READABLE)

    def forget(self, fd: int) -> None:
        del self.handlers[fd]
        self.poll.unregister(fd)

    def accept(self) -> None:
        fd, _ = self.listener._accept()  # type: ignore[attr-defined]  # what socket.accept calls
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _PEER_BUFFER)
        sock.setblocking(False)
        peer = Peer(sock)
        self.peers.append(peer)
        self.watch(fd, lambda: self.receive(peer))

    def receive(self, peer: Peer) -> None:
        try:
            data, ancillary, _, _ = peer.sock.recvmsg(65536, _socket.CMSG_SPACE(12), _socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        for _, _, packed in ancillary:
            peer.received += [int.from_bytes(packed[i : i + 4], "little") for i in range(0, len(packed) // 4 * 4, 4)]
        if not data:
            self.hang_up(peer)
            return
        for message in peer.decoder.feed(data):
            self.obey(peer, message)

    def obey(self, peer: Peer, message: Message) -> None:
        answer: Message = {"id": message.get("id", 0)}
        fds: tuple[int, ...] = ()
        try:
            more, fds = self.orders[message["op"]](peer, message)
            answer.update(more)
        except OSError as error:
            answer["error"] = error.strerror or str(error)
        except (KeyError, ValueError) as error:
            answer["error"] = f"bad order {message.get('op')}: {type(error).__name__} {error}"
        peer.send(answer, fds)
        for fd in fds:
            os.close(fd)

    def hang_up(self, peer: Peer) -> None:
        self.forget(peer.sock.fileno())
        peer.sock.close()
        self.peers.remove(peer)
        for fd in peer.received:
            os.close(fd)
        if peer.exec_pid:
            os.kill(peer.exec_pid, _SIGKILL)

    def hello(self, peer: Peer, _: Message) -> tuple[Message, tuple[int, ...]]:
        peer.subscribed = True
        return {"containers": [record.report() for record in self.containers.values()], "pid": os.getpid()}, ()

    def start(self, _: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        spec = message["spec"]
        old = self.containers.get(spec["name"])
        if old is not None and old.running:
            raise OSError(f"container {old.name} runs already, pid {old.pid}")
        log = LogFile(spec["log"])
        pipes, stdio, stdin = _open_stdio(spec)
        try:
            pid, terminal = launch.start(spec, stdio)
        except OSError:
            for fd in (*pipes, stdin):
                if fd >= 0:
                    os.close(fd)
            log.close()
            raise
        finally:
            for fd in set(stdio) - {-1}:
                os.close(fd)
        if terminal >= 0:
            pipes, stdin = (terminal,), os.dup(terminal) if spec["stdin"] else -1
        record = Record(spec, pid, os.pidfd_open(pid), log)
        record.stdin = stdin
        if old is not None and old.stdin >= 0:
            os.close(old.stdin)
        self.containers[record.name] = record
        for name, fd in zip(("stdout", "stderr"), pipes, strict=False):
            record.streams[fd] = Stream(name, log)
            self.watch(fd, self._reader(record, fd))
        self.watch(record.pidfd, lambda: self.ended(record))
        return {"container": record.report()}, ()

    def _reader(self, record: Record, fd: int) -> Callable[[], None]:
        def read() -> None:
            if fd in record.streams and not record.read(fd):
                del self.handlers[fd]
                self.poll.unregister(fd)

        return read

    def ended(self, record: Record) -> None:
        self.forget(record.pidfd)
        record.reap()
        for fd in list(record.streams):  # what it said last comes before the news of its end
            self._drain(record, fd)
        for peer in self.peers:
            if peer.subscribed:
                peer.send({"event": "exit", "container": record.report()})

    def _drain(self, record: Record, fd: int) -> None:
        ready = select.poll()
        ready.register(fd, _READABLE)
        while ready.poll(0):
            if not record.read(fd):
                self.handlers.pop(fd, None)
                self.poll.unregister(fd)
                return

    def signal(self, _: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        self._running(message["name"]).send_signal(message["number"])
        return {}, ()

    def socket(self, _: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK)
        return {}, (sock.detach(),)

    def exec(self, peer: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        record = self._running(message["name"])
        back: tuple[int, ...] = ()
        stdio, peer.received = peer.received, []
        try:
            if message["tty"]:
                master, slave = launch.open_terminal(record.pid, record.spec["uid"], record.spec["gid"])
                stdio, back = [slave, slave, slave], (master,)
            if len(stdio) != 3:
                raise ValueError("exec needs three descriptors")
            ends = (stdio[0], stdio[1], stdio[2])
            peer.exec_pid = launch.start_inside(record.pid, record.spec, message["argv"], ends, tty=message["tty"])
        except OSError:
            for fd in back:
                os.close(fd)
            raise
        finally:
            for fd in set(stdio):
                os.close(fd)
        peer.exec_pidfd = os.pidfd_open(peer.exec_pid)
        self.watch(peer.exec_pidfd, lambda: self.exec_ended(peer))
        return {"pid": peer.exec_pid}, back

    def exec_ended(self, peer: Peer) -> None:
        self.forget(peer.exec_pidfd)
        os.close(peer.exec_pidfd)
        _, status = os.waitpid(peer.exec_pid, 0)
        code = os.waitstatus_to_exitcode(status)
        peer.exec_pid = 0
        peer.send({"event": "exit", "exit": 128 - code if code < 0 else code})

    def running(self, _: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        record = self.containers.get(message["name"])
        return {"running": record is not None and (record.running or bool(record.streams))}, ()

    def stdin(self, _: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        record = self._running(message["name"])
        if record.stdin < 0:
            raise OSError(f"container {record.name} has no standard input")
        return {}, (os.dup(record.stdin),)

    def quit(self, _: Peer, message: Message) -> tuple[Message, tuple[int, ...]]:
        for record in self.containers.values():
            if record.running:
                os.kill(record.pid, _SIGKILL)
                os.waitpid(record.pid, 0)
        sys.exit(0)

    def _running(self, name: str) -> Record:
        record = self.containers.get(name)
        if record is None or not record.running:
            raise OSError(f"container {name} is not running")
        return record


def _open_stdio(spec: Message) -> tuple[tuple[int, ...], tuple[int, int, int], int]:
    """(what the shim reads, what the process gets as 0 1 2, what writes to its stdin or -1).

    The pipes belong to the container's user, so that it can open /dev/stdout.
    """
    if spec["tty"]:
        return (), (-1, -1, -1), -1  # it comes from inside
    out_read, out = os.pipe()
    err_read, err = os.pipe()
    stdin, feed = os.pipe() if spec["stdin"] else (os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), -1)
    for fd in (out, err):
        os.fchown(fd, spec["uid"], spec["gid"])
    return (out_read, err_read), (stdin, out, err), feed


def _enter_namespaces(hostname: str, own_network: bool) -> None:
    flags = syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC | (syscalls.CLONE_NEWNET if own_network else 0)
    syscalls.unshare(flags)
    syscalls.set_hostname(hostname[:63])
    if not own_network:
        return
    for name, value in _NET_SETTINGS.items():
        try:
            with open(f"/proc/sys/net/ipv4/{name}", "w") as file:
                file.write(value)
        except OSError as error:
            sys.stderr.write(f"net.ipv4.{name}: {error}\n")  # a container's view of /proc/sys may be read-only


def main(arguments: list[str]) -> None:
    """`arguments`: the pod's directory (for `ps`), hostname, 1 for a network namespace of its own, listening fd."""
    _, hostname, own_network, listener = arguments
    os.set_inheritable(int(listener), False)
    _enter_namespaces(hostname, own_network == "1")
    Shim(int(listener)).run()
