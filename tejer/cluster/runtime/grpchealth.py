"""grpc.health.v1.Health/Check as one small HTTP/2 exchange, without a gRPC library's start-up cost.

The messages are two fields: HealthCheckRequest.service (1, string), HealthCheckResponse.status (1, enum, 1 = SERVING).
Source: github.com/grpc/grpc/blob/master/doc/health-checking.md.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h2.connection

_SERVING = 1
_STATUS = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_UNIMPLEMENTED = "12"


async def grpc_health(host: str, port: int, service: str) -> tuple[bool, str]:
    """(serving, why not). Raises OSError when it can't be reached."""
    import h2.config
    import h2.connection

    reader, writer = await asyncio.open_connection(host, port)
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
    connection.initiate_connection()
    stream = connection.get_next_available_stream_id()
    connection.send_headers(
        stream,
        [(":method", "POST"), (":scheme", "http"), (":authority", f"{host}:{port}"),
         (":path", "/grpc.health.v1.Health/Check"), ("te", "trailers"), ("content-type", "application/grpc"),
         ("user-agent", "kube-probe/1.33")],
    )  # fmt: skip
    connection.send_data(stream, _request(service), end_stream=True)
    try:
        body, status = await _exchange(reader, writer, connection)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if status == _UNIMPLEMENTED:
        return False, "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
    if status != "0":
        return False, f"rpc error: code = {status}"
    verdict = body[6] if len(body) >= 7 and body[5] == 0x08 else 0
    name = _STATUS[verdict] if verdict < len(_STATUS) else str(verdict)
    return verdict == _SERVING, f"service unhealthy (responded with {name!r})"


def _request(service: str) -> bytes:
    raw = service.encode()
    message = b"\x0a" + bytes([len(raw)]) + raw if raw else b""  # service names are shorter than 128 bytes
    return b"\0" + len(message).to_bytes(4, "big") + message


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: h2.connection.H2Connection
) -> tuple[bytes, str]:
    """Until the stream ends: the body and grpc-status."""
    import h2.events

    body, status = b"", ""
    while True:
        writer.write(connection.data_to_send())
        data = await reader.read(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        for event in connection.receive_data(data):
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                status = dict(event.headers or []).get(b"grpc-status", status.encode()).decode()
            elif isinstance(event, h2.events.DataReceived):
                body += event.data or b""
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                raise ConnectionError("the server refused the call")
            elif isinstance(event, h2.events.StreamEnded):
                return body, status
