"""`grpc.health.v1.Health/Check` in as little HTTP/2 as it takes: one request on one connection, no library.

Only DATA frames of the answer are read: `08 01` is `status: SERVING`. Headers need no decoding, since an error carries
no message at all. Sources: RFC 9113 (frames), RFC 7541 (literal header fields), grpc/health.proto.
"""

from __future__ import annotations

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
_SERVING = b"\x08\x01"
_MAX_FRAME = 16384


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(fields: list[tuple[str, str]]) -> bytes:
    """HPACK literals without indexing and without Huffman coding; each text shorter than 127 bytes."""
    block = bytearray()
    for name, value in fields:
        block += b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return bytes(block)


def check_request(service: str) -> bytes:
    """The gRPC message HealthCheckRequest{service}, with its five-byte prefix."""
    name = service.encode()
    body = b"\x0a" + bytes([len(name)]) + name if name else b""
    return b"\x00" + struct.pack(">I", len(body)) + body


def is_serving(connected: socket.socket, service: str) -> bool:
    """Ask over a connection, which is closed after. Raises OSError when the peer speaks no HTTP/2 or is too late,
    ValueError for an overlong service name.
    """
    if len(service) > 100:
        raise ValueError("the gRPC probe's service name has more than 100 characters")
    fields = [
        (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"),
        (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"),
        ("user-agent", "kube-probe/1.33"),
    ]  # fmt: skip
    with connected as connection, connection.makefile("rb") as stream:
        connection.sendall(
            PREFACE
            + frame(SETTINGS, 0, 0)
            + frame(HEADERS, END_HEADERS, 1, header_block(fields))
            + frame(DATA, END_STREAM, 1, check_request(service))
        )
        message = b""
        while (header := stream.read(9)) and len(header) == 9:
            length = int.from_bytes(header[:3], "big")
            kind, flags, stream_id = struct.unpack(">BBI", header[3:])
            if length > _MAX_FRAME:
                raise ConnectionError("the peer speaks no HTTP/2")
            payload = stream.read(length)
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                connection.sendall(frame(PING, ACK, 0, payload))
            elif kind in (RST_STREAM, GOAWAY):
                return False
            elif kind == DATA and stream_id == 1:
                message += payload[1 : len(payload) - payload[0]] if flags & PADDED else payload
            if stream_id == 1 and kind in (DATA, HEADERS) and flags & END_STREAM:
                break
        return message[5:] == _SERVING
