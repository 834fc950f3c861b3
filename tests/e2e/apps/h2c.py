"""An HTTP/2 server without TLS (prior knowledge): answers every request with its pod and path."""

from __future__ import annotations

import asyncio
import json

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, RequestReceived
from h2.exceptions import ProtocolError


async def serve(port: int, name: str) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        h2.initiate_connection()
        writer.write(h2.data_to_send())
        try:
            while data := await reader.read(65536):
                for event in h2.receive_data(data):
                    if isinstance(event, RequestReceived):
                        _answer(h2, event, name)
                    if isinstance(event, ConnectionTerminated):
                        break
                writer.write(h2.data_to_send())
                await writer.drain()
        except (ConnectionError, ProtocolError):
            pass
        writer.close()

    await asyncio.start_server(connection, "0.0.0.0", port)


def _answer(h2: H2Connection, event: RequestReceived, name: str) -> None:
    headers = {str(key): str(value) for key, value in event.headers or ()}
    body = {"pod": name, "path": headers[":path"], "version": "2", "headers": headers}
    h2.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json"), ("x-pod", name)])
    h2.send_data(event.stream_id, json.dumps(body).encode(), end_stream=True)
