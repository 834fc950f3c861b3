"""SPDY/3.1 framing, sans I/O: bytes in, events out; every sending method returns the bytes to write.

Only what Kubernetes streams use: SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY, HEADERS and DATA. Flow control is
left out, as in moby/spdystream, which both kubectl and the kubelet use.
Source: chromium.org/spdy/spdy-protocol, draft 3.1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY, _HEADERS = 1, 2, 3, 6, 7, 8
_CONTROL_BIT = 0x80000000
_VERSION_3 = 0x8003
_FIN = 1
_MAX_DATA = 16384
_MAX_CONTROL_FRAME = 1 << 20


class StreamOpened(NamedTuple):
    """The peer opened `stream`; header names are lower case. `fin`: it will send no data on it."""

    stream: int
    headers: dict[str, str]
    fin: bool


class DataReceived(NamedTuple):
    stream: int
    data: bytes
    fin: bool


class StreamReset(NamedTuple):
    stream: int


class PingReceived(NamedTuple):
    ident: int


class GoAway(NamedTuple):
    pass


Event: TypeAlias = StreamOpened | DataReceived | StreamReset | PingReceived | GoAway


class ProtocolError(ValueError):
    """The peer sent what is no SPDY/3.1 frame; the connection is useless after it."""


class SpdyFraming:
    """Both directions of one connection: the header compression keeps state per direction."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=_DICTIONARY)
        self._deflate = zlib.compressobj(zdict=_DICTIONARY)

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the peer; the events of all frames that are now complete. Raises ProtocolError."""
        self._buffer += data
        events: list[Event] = []
        while len(self._buffer) >= 8:
            word, tail = struct.unpack_from(">II", self._buffer)
            length, flags = tail & 0xFFFFFF, tail >> 24
            if word & _CONTROL_BIT and (word >> 16 != _VERSION_3 or length > _MAX_CONTROL_FRAME):
                raise ProtocolError(f"not a SPDY/3.1 control frame: {bytes(self._buffer[:8]).hex()}")
            if len(self._buffer) < 8 + length:
                break
            payload = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            if not word & _CONTROL_BIT:
                events.append(DataReceived(word, payload, bool(flags & _FIN)))
            elif (event := self._control(word & 0xFFFF, flags, payload)) is not None:
                events.append(event)
        return events

    def _control(self, kind: int, flags: int, payload: bytes) -> Event | None:
        try:
            if kind == _SYN_STREAM:
                (stream,) = struct.unpack_from(">I", payload)
                return StreamOpened(stream & ~_CONTROL_BIT, self._unpack(payload[10:]), bool(flags & _FIN))
            if kind in (_SYN_REPLY, _HEADERS):
                self._unpack(payload[4:])  # only to keep the decompressor's state in step
            elif kind == _RST_STREAM:
                return StreamReset(struct.unpack_from(">I", payload)[0])
            elif kind == _PING:
                return PingReceived(struct.unpack_from(">I", payload)[0])
            elif kind == _GOAWAY:
                return GoAway()
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise ProtocolError(f"broken SPDY frame of type {kind}: {error}") from error
        return None

    def open(self, stream: int, headers: Mapping[str, str]) -> bytes:
        """SYN_STREAM: what a client sends to start a stream."""
        return _control_frame(_SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + self._pack(headers))

    def accept(self, stream: int) -> bytes:
        """SYN_REPLY without headers: the answer to StreamOpened."""
        return _control_frame(_SYN_REPLY, struct.pack(">I", stream) + self._pack({}))

    def pong(self, ident: int) -> bytes:
        return _control_frame(_PING, struct.pack(">I", ident))

    def data(self, stream: int, data: bytes, *, fin: bool = False) -> bytes:
        """DATA frames for `data`, in pieces; with `fin` the last one ends our side of the stream."""
        pieces = [data[start : start + _MAX_DATA] for start in range(0, len(data), _MAX_DATA)] or [b""]
        frames = []
        for index, piece in enumerate(pieces):
            flags = _FIN if fin and index == len(pieces) - 1 else 0
            frames.append(struct.pack(">II", stream, flags << 24 | len(piece)) + piece)
        return b"".join(frames)

    def _pack(self, headers: Mapping[str, str]) -> bytes:
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                block += struct.pack(">I", len(text)) + text
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def _unpack(self, packed: bytes) -> dict[str, str]:
        block = self._inflate.decompress(packed, _MAX_CONTROL_FRAME)
        (count,) = struct.unpack_from(">I", block)
        position, texts = 4, []
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", block, position)
            position += 4 + length
            texts.append(block[position - length : position].decode())
        return dict(zip(texts[::2], texts[1::2], strict=True))


def _control_frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", _VERSION_3, kind, len(payload)) + payload


_DICTIONARY_NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
    "allow authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)


def _dictionary() -> bytes:
    """The header dictionary of SPDY/3, section 2.6.10.1: length-prefixed names, then a run of common values."""
    names = _DICTIONARY_NAMES.split()
    names += ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"]
    values = (
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
    )
    return b"".join(struct.pack(">I", len(name)) + name.encode() for name in names) + values.encode()


_DICTIONARY = _dictionary()
