"""What istiod's gRPC services share: the server, its TLS, bounded reading, and what a call says of its caller."""

from __future__ import annotations

import asyncio.sslproto
import logging
import ssl
import struct
from typing import Any

import grpclib.server
from google.protobuf.message import DecodeError
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError

from tejer.istiod.authn import bearer

LARGEST_MESSAGE = 4 << 20
"""Bytes of one message from a client, as Istio's limit; an Envoy's first request is 60 to 250 KB."""
GrpcStream = grpclib.server.Stream[Any, Any]

_CONFIG = Configuration(
    _keepalive_time=30,
    _keepalive_timeout=10,
    _http2_max_pings_without_data=0,
    _http2_min_sent_ping_interval_without_data=30,
    http2_connection_window_size=1 << 17,
    http2_stream_window_size=1 << 17,
)


class Codec(CodecBase):
    """Messages in, messages or ready bytes out."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return message if isinstance(message, bytes) else bytes(message.SerializeToString())

    def decode(self, data: bytes, message_type: Any) -> Any:
        return message_type.FromString(data)


def make_server(services: Any) -> grpclib.server.Server:
    """A gRPC server for `services`; start it with or without TLS."""
    # asyncio gives every TLS connection a 256 KB read buffer; ADS requests are small (289 -> 41 KB a connection).
    asyncio.sslproto.SSLProtocol.max_size = 16384
    logging.getLogger("grpclib").setLevel(logging.WARNING)
    return grpclib.server.Server([services], codec=Codec(), config=_CONFIG)


def server_tls(root: bytes) -> ssl.SSLContext:
    """:15012's context without its certificate, which is loaded (and later replaced) by who rotates it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=root.decode())
    context.set_alpn_protocols(["h2"])
    return context


async def receive(stream: GrpcStream, kind: Any) -> Any:
    """The next message, None at the stream's end. Unlike grpclib's own, it refuses a message that is too large."""
    inner = stream._stream
    head = await inner.recv_data(5)
    if not head:
        return None
    compressed, size = struct.unpack(">?I", head)
    if compressed:
        raise GRPCError(Status.UNIMPLEMENTED, "compressed messages are not supported")
    if size > LARGEST_MESSAGE:
        raise GRPCError(Status.RESOURCE_EXHAUSTED, f"a message of {size} bytes is larger than {LARGEST_MESSAGE}")
    try:
        return kind.FromString(await inner.recv_data(size))
    except DecodeError:
        raise GRPCError(Status.INVALID_ARGUMENT, f"not a {kind.DESCRIPTOR.name}") from None


def token_of(stream: GrpcStream) -> str:
    value = stream.metadata.get("authorization") if stream.metadata else None
    return bearer(value if isinstance(value, str) else "")


def address_of(stream: GrpcStream) -> str:
    address = stream.peer.addr()
    return f"{address[0]}:{address[1]}" if address else "unknown"


def spiffe_of(certificate: dict[str, Any] | None) -> str | None:
    names = [value for kind, value in (certificate or {}).get("subjectAltName", ()) if kind == "URI"]
    return names[0] if len(names) == 1 else None
