"""One unary gRPC call in as little HTTP/2 as it takes: no library, a fresh connection per call.

grpclib with protobuf and asyncio would take 0.4 s of a processor to import, in each pod that starts. Header fields are
sent as plain literals; those received are decoded (with `hpack`) only to say why a call was refused.
Sources: RFC 9113 (frames), RFC 7541 (literal fields), grpc/doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20
_MAX_FRAME = 16384
_STREAM = 1
STATUS_NAMES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


class GrpcError(Exception):
    """The call was answered with an error: `status` is gRPC's name, `message` the server's words."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(f"{status}: {message}" if message else status)
        self.status, self.message = status, message


class _Answer:
    """What came back on the stream: message bytes, and header blocks still encoded, in order."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.blocks: list[bytes] = []
        self.reset = False


def call(
    connection: socket.socket, authority: str, path: str, message: bytes, metadata: Iterable[tuple[str, str]] = ()
) -> bytes:
    """Send `message`, return the answer's message. The connection stays the caller's, but is used up.

    Raises GrpcError for a refusal, OSError when the peer speaks no HTTP/2 or its time is over.
    """
    scheme = "https" if hasattr(connection, "cipher") else "http"
    fields = [
        (":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority),
        ("content-type", "application/grpc"), ("te", "trailers"), *metadata,
    ]  # fmt: skip
    body = b"\x00" + struct.pack(">I", len(message)) + message
    opening = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, _STREAM, header_block(fields))
    frames = [body[start : start + _MAX_FRAME] for start in range(0, len(body), _MAX_FRAME)]
    for number, part in enumerate(frames, 1):
        opening += frame(DATA, END_STREAM if number == len(frames) else 0, _STREAM, part)
    connection.sendall(opening)
    answer = _receive(connection)
    if len(answer.data) < 5 or not answer.blocks or answer.reset:
        raise _refusal(answer)
    length = int.from_bytes(answer.data[1:5], "big")
    return bytes(answer.data[5 : 5 + length])


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(fields: Iterable[tuple[str, str]]) -> bytes:
    """HPACK literals, never indexed (a token may be among them) and without Huffman coding."""
    block = bytearray()
    for name, value in fields:
        block += b"\x10" + _text(name.encode()) + _text(value.encode())
    return bytes(block)


def _text(value: bytes) -> bytes:
    """A string literal: its length as an integer with a seven-bit prefix, then its bytes."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, length = len(value) - 127, bytearray([127])
    while rest >= 128:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return bytes(length) + value


def _receive(connection: socket.socket) -> _Answer:
    answer = _Answer()
    with connection.makefile("rb") as stream:
        while len(header := stream.read(9)) == 9:
            length = int.from_bytes(header[:3], "big")
            kind, flags, stream_id = struct.unpack(">BBI", header[3:])
            if length > _MAX_FRAME:
                raise ConnectionError("the peer speaks no HTTP/2")
            payload = stream.read(length)
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                connection.sendall(frame(PING, ACK, 0, payload))
            elif kind == DATA and stream_id == _STREAM:
                answer.data += _unpadded(payload, flags)
            elif kind == HEADERS and stream_id == _STREAM:
                payload = _unpadded(payload, flags)
                answer.blocks.append(payload[5:] if flags & PRIORITY else payload)
            elif kind == CONTINUATION and stream_id == _STREAM and answer.blocks:
                answer.blocks[-1] += payload
            elif kind == GOAWAY or (kind == RST_STREAM and stream_id == _STREAM):
                answer.reset = kind == RST_STREAM
                return answer
            if stream_id == _STREAM and kind in (DATA, HEADERS) and flags & END_STREAM:
                return answer
    return answer


def _unpadded(payload: bytes, flags: int) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & PADDED and payload else payload


def _refusal(answer: _Answer) -> Exception:
    if not answer.blocks:
        return ConnectionError("the stream was reset" if answer.reset else "the peer closed without an answer")
    from hpack import Decoder  # only now: the way to an error may be slow

    decoder, fields = Decoder(), dict[str, str]()
    for block in answer.blocks:
        for name, value in decoder.decode(block):
            fields[_str(name)] = _str(value)
    code = fields.get("grpc-status", "")
    if not code.isdecimal():
        return ConnectionError(f"no gRPC answer: HTTP status {fields.get(':status', '?')}")
    status = STATUS_NAMES[int(code)] if int(code) < len(STATUS_NAMES) else code
    return GrpcError(status, _percent_decoded(fields.get("grpc-message", "")))


def _str(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _percent_decoded(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)
