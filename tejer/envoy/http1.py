"""The little HTTP/1.1 that the agent speaks: a client for Envoy's admin port and the app's probes and metrics.

`http.client` would bring `email` and `ssl` along: 6 MB in every pod. One request per connection, no redirects.
"""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

DEFAULT_TIMEOUT = 5.0
_MAX_HEADER = 64 * 1024
_MAX_BODY = 64 * 1024 * 1024


class Reader(Protocol):
    """A buffered byte stream (what `socket.makefile("rb")` gives)."""

    def readline(self, limit: int = -1, /) -> bytes: ...

    def read(self, size: int = -1, /) -> bytes: ...


class Response(NamedTuple):
    """`headers` have lower-case names; of repeated ones the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(
    method: str,
    host: str,
    port: int,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    tls: bool = False,
    source: str = "",
) -> Response:
    """One exchange, from the local address `source` if given.

    Raises OSError when the peer can't be reached or answers no HTTP (TimeoutError when too late).
    """
    with connect(host, port, timeout, source) as plain:
        connection = _unverified_tls(plain, host) if tls else plain
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        fields = {"Host": authority, "User-Agent": "tejer-agent", "Accept": "*/*", **(headers or {})}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        lines += ["Connection: close", "Content-Length: 0", "", ""]
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        return _read_response(connection, head_only=method == "HEAD")


def connect(host: str, port: int, timeout: float, source: str = "") -> socket.socket:
    """A TCP connection. Raises OSError."""
    return socket.create_connection((host, port), timeout, (source, 0) if source else None)


def _unverified_tls(plain: socket.socket, host: str) -> socket.socket:
    """Kubernetes does not verify the certificate of an HTTPS probe. Imported only where a pod has such a probe."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def _read_response(connection: socket.socket, *, head_only: bool) -> Response:
    with connection.makefile("rb") as stream:
        while True:
            status = _status(stream.readline(_MAX_HEADER))
            headers = read_headers(stream)
            if status >= 200 or status == 101:
                break
        if head_only or status in (204, 304):
            return Response(status, headers, b"")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Response(status, headers, _read_chunks(stream))
        length = headers.get("content-length", "")
        body = stream.read(min(int(length), _MAX_BODY) if length.isdigit() else _MAX_BODY)
        return Response(status, headers, body)


def _status(line: bytes) -> int:
    parts = line.split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        raise ConnectionError(f"not an HTTP answer: {line[:60]!r}")
    return int(parts[1])


def read_headers(stream: Reader) -> dict[str, str]:
    """Header fields up to the empty line, names in lower case."""
    headers: dict[str, str] = {}
    left = _MAX_HEADER
    while left > 0:
        line = stream.readline(left)
        if line in (b"\r\n", b"\n", b""):
            return headers
        left -= len(line)
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ConnectionError(f"more than {_MAX_HEADER} bytes of header fields")


def _read_chunks(stream: Reader) -> bytes:
    body = bytearray()
    while True:
        size_line = stream.readline(_MAX_HEADER).split(b";")[0].strip()
        try:
            size = int(size_line, 16)
        except ValueError:
            raise ConnectionError(f"bad chunk size {size_line[:20]!r}") from None
        if size == 0:
            read_headers(stream)
            return bytes(body)
        if len(body) + size > _MAX_BODY:
            raise ConnectionError(f"an answer of more than {_MAX_BODY} bytes")
        body += stream.read(size)
        stream.readline(_MAX_HEADER)
