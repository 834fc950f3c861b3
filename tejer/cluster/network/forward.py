"""The forwarder process: `forward.py <home> <fd>=<address>:<port> ...`. Accepts on inherited sockets, connects, copies.

Runs alone under `python -I -S`: nothing but the standard library's light modules, about 6 MB. A connection that can't
be made is closed. One end's half-close is passed on, so protocols that use it work.
"""

from __future__ import annotations

import _socket
import errno
import select
import sys

_CHUNK = 64 * 1024
_HIGH_WATER = 256 * 1024
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class End:
    """One socket of a pair. `pending` is what is still to be written to it."""

    def __init__(self, sock: _socket.socket) -> None:
        self.sock, self.fd = sock, sock.fileno()
        self.pending = bytearray()
        self.other: End = self
        self.read_closed = self.write_closed = False
        self.connected = True
        self.mask = 0
        self.muted = False


class Forwarder:
    """The loop over listeners and pairs."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.listeners: dict[int, tuple[_socket.socket, tuple[str, int]]] = {}
        self.ends: dict[int, End] = {}

    def listen(self, fd: int, target: tuple[str, int]) -> None:
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, fd)
        sock.setblocking(False)
        self.listeners[fd] = (sock, target)
        self.epoll.register(fd, _IN)

    def run(self) -> None:
        while True:
            for fd, events in self.epoll.poll():
                if fd in self.listeners:
                    self.accept(fd)
                elif fd in self.ends:
                    self.serve(self.ends[fd], events)

    def accept(self, listener: int) -> None:
        sock, target = self.listeners[listener]
        for _ in range(64):
            try:
                fd, _ = sock._accept()  # type: ignore[attr-defined]  # what socket.accept calls
            except OSError:
                return
            near = End(_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, fd))
            far = End(_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM))
            near.other, far.other = far, near
            for end in (near, far):
                end.sock.setblocking(False)
                end.sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                self.ends[end.fd] = end
                self.epoll.register(end.fd, 0)
            far.connected = False
            try:
                far.sock.connect(target)
            except BlockingIOError:
                pass
            except OSError:
                self.close(near)
                continue
            self.rearm(near)
            self.rearm(far)

    def serve(self, end: End, events: int) -> None:
        if not end.connected:
            if end.sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
                self.close(end)
                return
            end.connected = True
        if events & select.EPOLLHUP and end.read_closed:  # nothing more can go either way on this one
            if not end.other.pending:
                self.close(end)
                return
            self.mute(end)
        try:
            if events & ~_OUT and not end.read_closed:
                self.read(end)
            if end.pending:
                self.write(end)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EAGAIN:
                self.close(end)
                return
        self.settle(end)

    def read(self, end: End) -> None:
        data = end.sock.recv(_CHUNK)
        if not data:
            end.read_closed = True
            return
        other = end.other
        if not other.pending and other.connected:
            try:
                sent = other.sock.send(data)
            except BlockingIOError:
                sent = 0
            data = data[sent:]
        other.pending += data

    def write(self, end: End) -> None:
        sent = end.sock.send(end.pending[:_CHUNK])
        del end.pending[:sent]

    def settle(self, end: End) -> None:
        """Pass half-closes on; close the pair when both directions are done; watch for what matters next."""
        for one in (end, end.other):
            if one.other.read_closed and not one.pending and not one.write_closed and one.connected:
                one.write_closed = True
                try:
                    one.sock.shutdown(_socket.SHUT_WR)
                except OSError:
                    self.close(end)
                    return
        if end.write_closed and end.other.write_closed:
            self.close(end)
            return
        self.rearm(end)
        self.rearm(end.other)

    def mute(self, end: End) -> None:
        """A hang-up is reported for ever: don't listen to it while the other end is still written to."""
        if not end.muted:
            end.muted = True
            self.epoll.unregister(end.fd)

    def rearm(self, end: End) -> None:
        mask = 0
        if end.connected and not end.read_closed and len(end.other.pending) < _HIGH_WATER:
            mask |= _IN
        if end.pending or not end.connected:
            mask |= _OUT
        if mask != end.mask and not end.muted:
            end.mask = mask
            self.epoll.modify(end.fd, mask)

    def close(self, end: End) -> None:
        for one in (end, end.other):
            if self.ends.pop(one.fd, None) is not None:
                if not one.muted:
                    self.epoll.unregister(one.fd)
                one.sock.close()


def main(arguments: list[str]) -> None:
    forwarder = Forwarder()
    for argument in arguments[1:]:
        fd, _, target = argument.partition("=")
        host, _, port = target.rpartition(":")
        forwarder.listen(int(fd), (host, int(port)))
    forwarder.run()


if __name__ == "__main__":
    main(sys.argv[1:])
