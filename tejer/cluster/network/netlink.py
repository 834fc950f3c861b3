"""Netlink messages: encode, send, read the answers. Just what links, addresses, routes and nftables rules need.

Written here, not taken from pyroute2: importing that costs the daemon 0.25 s at start and 18 MB for good, and its
nftables part has no verdict maps over concatenated keys, which Service addresses are.
Sources: netlink(7), linux/netlink.h, rtnetlink(7).
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE, NLM_F_REPLACE = 1, 4, 0x300, 0x200, 0x400, 0x100
NLA_F_NESTED = 0x8000

_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_HEADER = struct.Struct("=LHHLL")
_ATTRIBUTE = struct.Struct("=HH")
_SO_SNDBUFFORCE = 32
_CLONE_NEWNET = 0x40000000
_RECEIVE_BUFFER = 4 * 1024 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Request:
    """One netlink message: `body` follows the header, attributes already encoded. `what` names it in errors."""

    type: int
    flags: int
    body: bytes
    what: str
    absent_ok: bool = False
    """Answers "no such thing" and "exists already" are fine."""


def attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in `data`, nesting flag removed; of repeated ones the last."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


class Netlink:
    """A blocking netlink socket in the network namespace of the thread that made it. Use it in a worker thread."""

    def __init__(self, family: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        with suppress(OSError):  # past the system's limit, where we may: a transaction is one datagram
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _RECEIVE_BUFFER)
        self._socket.settimeout(10)
        self._socket.bind((0, 0))
        self._sequence = 1

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def run(self, requests: Iterable[Request]) -> None:
        """Send each, wait for its acknowledgement. Raises OSError naming the refused one."""
        for request in requests:
            self._socket.send(self._encode(request, NLM_F_ACK))
            self._settle({self._sequence: request}, self._sequence)

    def batch(self, requests: list[Request], *, begin: Request, end: Request) -> None:
        """Send all as one transaction (nfnetlink): all or nothing. Raises OSError of the first refusal."""
        parts = [self._encode(begin, 0)]
        sent: dict[int, Request] = {}
        for request in requests:
            # One acknowledgement is enough, refusals always come; hundreds would overflow the receive buffer.
            parts.append(self._encode(request, NLM_F_ACK if request is requests[-1] else 0))
            sent[self._sequence] = request
        last = self._sequence
        parts.append(self._encode(end, 0))
        self._socket.send(b"".join(parts))
        self._settle(sent, last)

    def dump(self, request: Request) -> Iterator[bytes]:
        """The bodies of a dump's answers."""
        self._socket.send(self._encode(request, NLM_F_DUMP))
        while True:
            for kind, _, body in self._receive():
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    _raise(body, request)
                    return
                yield body

    def ask(self, request: Request) -> bytes:
        """The body of the one answer. Raises OSError when it is refused."""
        self._socket.send(self._encode(request, 0))
        for kind, _, body in self._receive():
            if kind == _NLMSG_ERROR:
                _raise(body, request)
            return body
        raise OSError(f"{request.what}: no answer")

    def _encode(self, request: Request, flags: int) -> bytes:
        self._sequence += 1
        length = _HEADER.size + len(request.body)
        header = _HEADER.pack(length, request.type, request.flags | NLM_F_REQUEST | flags, self._sequence, 0)
        return header + request.body + b"\0" * (-length % 4)

    def _settle(self, sent: dict[int, Request], last: int) -> None:
        """Read answers until the one to `last`. Raises the first refusal."""
        first: OSError | None = None
        settled = False
        while not settled:
            for kind, sequence, body in self._receive():
                if kind != _NLMSG_ERROR:
                    continue
                request = sent.get(sequence)
                settled = settled or request is None or sequence == last  # None: the transaction as a whole
                try:
                    _raise(body, request or Request(0, 0, b"", "the whole transaction"))
                except OSError as error:
                    first = first or error
        if first:
            raise first

    def _receive(self) -> Iterator[tuple[int, int, bytes]]:
        data = self._socket.recv(_RECEIVE_BUFFER)
        offset = 0
        while offset + _HEADER.size <= len(data):
            length, kind, _, sequence, _ = _HEADER.unpack_from(data, offset)
            yield kind, sequence, data[offset + _HEADER.size : offset + length]
            offset += (length + 3) & ~3


def _raise(body: bytes, request: Request) -> None:
    code = -int.from_bytes(body[:4], sys.byteorder, signed=True)
    if code == 0 or (request.absent_ok and code in _HARMLESS):
        return
    raise OSError(code, f"{request.what}: {os.strerror(code)}")


_HARMLESS = (2, 3, 17, 19, 99)
"""ENOENT, ESRCH, EEXIST, ENODEV, EADDRNOTAVAIL."""


@contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Run the body in the network namespace of process `pid`. Only in a worker thread: it moves the whole thread."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        other = os.open(Path("/proc") / str(pid) / "ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(other)
        finally:
            os.close(other)
        try:
            yield
        finally:
            _setns(own)
    finally:
        os.close(own)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"entering a network namespace: {os.strerror(code)}")
