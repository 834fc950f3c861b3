"""A connection to a port of a pod through the API server: the portforward subresource over WebSocket.

Protocol `v4.channel.k8s.io`: each binary message begins with a channel byte, 0 for the data and 1 for errors; the first
message on each is the port as two bytes. Source: kubelet's pkg/kubelet/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp

from tejer.kube.api import ApiError
from tejer.kube.client import HttpApi
from tejer.kube.types import PODS

PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 32 * 1024


class PodStream:
    """Bytes to and from one port. `read` gives b"" at the end and raises OSError where the pod refuses."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, what: str) -> None:
        self._socket, self._what = socket, what
        self._greeted: set[int] = set()

    async def read(self) -> bytes:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in self._greeted:
                self._greeted.add(channel)
                data = data[2:]
            if not data:
                continue
            if channel == _ERROR:
                raise OSError(f"{self._what}: {data.decode(errors='replace').strip()}")
            return bytes(data)
        return b""

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK):
            await self._socket.send_bytes(bytes([_DATA]) + data[start : start + _CHUNK])


@asynccontextmanager
async def open_port(api: HttpApi, namespace: str, pod: str, port: int) -> AsyncIterator[PodStream]:
    """A connection to `port` on the pod's loopback. Raises ApiError when the server refuses, OSError when it's gone."""
    what = f"port {port} of pod {namespace}/{pod}"
    try:
        async with api.session.ws_connect(
            api.connection.server + PODS.path(namespace, pod, "portforward"),
            params={"ports": str(port)}, protocols=(PROTOCOL,), headers=api.headers(), max_msg_size=0,
            server_hostname=api.connection.server_name or None,
        ) as socket:  # fmt: skip
            yield PodStream(socket, what)
    except aiohttp.WSServerHandshakeError as error:
        raise ApiError(error.status, "", f"{what}: {error.message}") from error
    except aiohttp.ClientError as error:
        raise OSError(f"{what}: {error}") from error


class Answer(NamedTuple):
    status: int
    body: bytes


async def http_get(
    api: HttpApi, namespace: str, pod: str, port: int, path: str, *, method: str = "GET", seconds: float = 30
) -> Answer:
    """One HTTP request to a port of a pod."""
    request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    received = bytearray()
    async with asyncio.timeout(seconds), open_port(api, namespace, pod, port) as stream:
        await stream.write(request.encode())
        while not _is_complete(received) and (data := await stream.read()):
            received += data
    return parse_answer(bytes(received))


def _is_complete(data: bytearray) -> bool:
    """Whether the response's end is there. The server closes too, but only after what it still has to say."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    headers = _headers(bytes(data[:end]))
    if headers.get("transfer-encoding") == "chunked":
        return data.endswith(b"\r\n0\r\n\r\n")
    return "content-length" in headers and len(data) - end - 4 >= int(headers["content-length"])


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def parse_answer(data: bytes) -> Answer:
    """The status and body of an HTTP/1.1 response. Raises OSError where it is none."""
    head, found, body = data.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)
    if not found or len(status) < 2 or not status[1].isdigit():
        raise OSError("the pod closed the connection without an HTTP response")
    if _headers(head).get("transfer-encoding") == "chunked":
        body = _unchunk(body)
    return Answer(int(status[1]), body)


def _unchunk(data: bytes) -> bytes:
    parts: list[bytes] = []
    position = 0
    while True:
        end = data.find(b"\r\n", position)
        if end < 0:
            raise OSError("the response was cut off")
        size = int(data[position:end].split(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(data[end + 2 : end + 2 + size])
        position = end + 2 + size + 2
