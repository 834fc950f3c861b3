"""`HttpApi`: the `Api` of any Kubernetes API server over HTTP/1.1 (aiohttp).

Every method raises ApiError when the server refuses and OSError when it can't be reached. Lists are read in pages of
500 and returned whole; watches ask for bookmarks and end after 5 to 10 minutes so that the caller asks again.
"""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import msgspec

from tejer.kube.api import MERGE_PATCH, ApiError, ListResult, WatchEvent
from tejer.kube.connection import Connection
from tejer.kube.resource import Body, name_of, namespace_of
from tejer.kube.types import ResourceType

PAGE = 500
USER_AGENT = "tejer"
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10)
_decode_json = msgspec.json.Decoder().decode
_encode_json = msgspec.json.Encoder().encode


class HttpApi:
    """Use as `async with HttpApi(connection) as api:`; the session opens with the first request."""

    def __init__(
        self,
        connection: Connection,
        *,
        field_manager: str = USER_AGENT,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        """`on_warning` gets the text of every Warning header (deprecations, settings without effect)."""
        self.connection, self.field_manager = connection, field_manager
        self._on_warning = on_warning
        self._session: aiohttp.ClientSession | None = None
        self._token = _Token(connection)

    async def __aenter__(self) -> HttpApi:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, for what `Api` doesn't cover (exec and port-forward over WebSocket)."""
        if self._session is None:
            tls = self.connection.tls()
            connector = aiohttp.TCPConnector(
                ssl=tls if tls is not None else True, limit=0, keepalive_timeout=30, socket_factory=_socket
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": self.field_manager},
                timeout=_TIMEOUT,
                skip_auto_headers=["Content-Type"],
                trust_env=False,
            )
        return self._session

    def headers(self) -> dict[str, str]:
        """Who we are, for requests made through `session` directly."""
        token = self._token.read()
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """One request for `path` ("/version"); returns the answer's bytes."""
        data = body if isinstance(body, bytes) else None if body is None else _encode_json(body)
        headers = self.headers() | {"Accept": accept} | ({"Content-Type": content_type} if data is not None else {})
        try:
            async with self.session.request(
                method,
                self.connection.server + path,
                params={key: value for key, value in (params or {}).items() if value},
                data=data,
                headers=headers,
                server_hostname=self.connection.server_name or None,
            ) as response:
                answer = await response.read()
                for header in response.headers.getall("Warning", ()) if self._on_warning else ():
                    assert self._on_warning is not None
                    self._on_warning(_warning_text(header))
                if response.status >= 400:
                    raise _api_error(response.status, answer)
                return answer
        except aiohttp.ClientError as error:
            raise _unreachable(self.connection, error) from error

    async def get(self, rtype: ResourceType, name: str, namespace: str = "") -> Body:
        return _body(await self.request("GET", rtype.path(namespace, name)))

    async def list(
        self, rtype: ResourceType, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ListResult:
        params = {"limit": str(PAGE), "labelSelector": label_selector, "fieldSelector": field_selector}
        items: list[Body] = []
        while True:
            page = _body(await self.request("GET", rtype.path(namespace), params=params))
            for item in page.get("items") or ():
                # Servers leave these two out of list items; everything past this door has them.
                item.setdefault("apiVersion", rtype.api_version)
                item.setdefault("kind", rtype.kind)
                items.append(item)
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                return ListResult(items, str(meta.get("resourceVersion", "")))
            params["continue"] = str(meta["continue"])

    def watch(
        self,
        rtype: ResourceType,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        params = {"resourceVersion": resource_version, "labelSelector": label_selector, "fieldSelector": field_selector}
        return self._events(rtype.path(namespace), params)

    def watch_list(
        self, rtype: ResourceType, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """A list as a stream: ADDED for each object, a BOOKMARK annotated `k8s.io/initial-events-end`, then a watch.

        Servers before Kubernetes 1.32 refuse (ApiError 400 or 422) or never send the bookmark.
        """
        params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        return self._events(
            rtype.path(namespace), params | {"labelSelector": label_selector, "fieldSelector": field_selector}
        )

    async def _events(self, path: str, params: Mapping[str, str]) -> AsyncIterator[WatchEvent]:
        seconds = random.randint(300, 600)  # noqa: S311 (spreads reconnects)
        asked = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds), **params}
        try:
            async with self.session.get(
                self.connection.server + path,
                params={key: value for key, value in asked.items() if value},
                headers=self.headers() | {"Accept": "application/json"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=seconds + 30),
                server_hostname=self.connection.server_name or None,
            ) as response:
                if response.status >= 400:
                    raise _api_error(response.status, await response.read())
                async for line in _lines(response.content):
                    yield _event(line)
        except aiohttp.ClientError as error:
            raise _unreachable(self.connection, error) from error

    async def create(self, rtype: ResourceType, body: Body, namespace: str = "", *, subresource: str = "",
                     name: str = "", dry_run: bool = False) -> Body:  # fmt: skip
        path = rtype.path(namespace or namespace_of(body), name if subresource else "", subresource)
        return _body(await self.request("POST", path, body=body, params=self._options(dry_run)))

    async def update(self, rtype: ResourceType, body: Body, *, subresource: str = "") -> Body:
        path = rtype.path(namespace_of(body), name_of(body), subresource)
        return _body(await self.request("PUT", path, body=body, params=self._options()))

    async def patch(self, rtype: ResourceType, name: str, namespace: str, patch: Any, *,
                    content_type: str = MERGE_PATCH, subresource: str = "", field_manager: str = "",
                    force: bool = False, dry_run: bool = False) -> Body:  # fmt: skip
        params = self._options(dry_run) | ({"fieldManager": field_manager} if field_manager else {})
        if force:
            params["force"] = "true"
        path = rtype.path(namespace, name, subresource)
        return _body(await self.request("PATCH", path, body=patch, content_type=content_type, params=params))

    async def delete(self, rtype: ResourceType, name: str, namespace: str = "", *,
                     grace_period_seconds: int | None = None, propagation_policy: str = "",
                     uid: str = "") -> Body:  # fmt: skip
        options: Body = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy:
            options["propagationPolicy"] = propagation_policy
        if uid:
            options["preconditions"] = {"uid": uid}
        return _body(await self.request("DELETE", rtype.path(namespace, name), body=options))

    def _options(self, dry_run: bool = False) -> dict[str, str]:
        return {"fieldManager": self.field_manager} | ({"dryRun": "All"} if dry_run else {})


class _Token:
    """The bearer token; a token file is read again when it changes (kubelets rotate it by renaming)."""

    def __init__(self, connection: Connection) -> None:
        self._path: Path | None = connection.token_file
        self._stamp: tuple[int, int] | None = None
        self._value = connection.token

    def read(self) -> str:
        if self._path is not None:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp != self._stamp:
                self._value, self._stamp = self._path.read_text().strip(), stamp
        return self._value


def _socket(addr_info: tuple[Any, ...]) -> socket.socket:
    """Keepalive finds a dead server on an idle watch; user timeout finds it on a busy one (both within a minute)."""
    family, kind, proto, *_ = addr_info
    sock = socket.socket(family, kind, proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60000)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length (aiohttp's own readline has a limit)."""
    pending: list[bytes] = []
    async for chunk in stream.iter_any():
        head, *rest = chunk.split(b"\n")
        pending.append(head)
        for part in rest:
            if line := b"".join(pending):
                yield line
            pending = [part]
    if line := b"".join(pending):
        yield line


def _event(line: bytes) -> WatchEvent:
    event = _body(line)
    body = event.get("object") or {}
    if event.get("type") == "ERROR":
        raise ApiError(int(body.get("code") or 500), str(body.get("reason", "")), str(body.get("message", "")))
    return WatchEvent(str(event.get("type")), body)


def _body(data: bytes) -> Body:
    """Raises ConnectionError for what is not a JSON object: a proxy's page, or a stream cut off in mid-line."""
    try:
        body = _decode_json(data)
    except msgspec.DecodeError as error:
        raise ConnectionError(f"the API server's answer is not JSON ({error}): {data[:200]!r}") from None
    if not isinstance(body, dict):
        raise ConnectionError(f"the API server's answer is not an object: {data[:200]!r}")
    return body


def _api_error(status: int, answer: bytes) -> ApiError:
    try:
        body = _body(answer)
    except ConnectionError:
        return ApiError(status, "", answer[:500].decode(errors="replace").strip() or f"HTTP {status}")
    return ApiError(
        int(body.get("code") or status),
        str(body.get("reason", "")),
        str(body.get("message", "")) or f"HTTP {status}",
        body.get("details"),
    )


def _warning_text(header: str) -> str:
    """RFC 7234: `299 - "text"`, quotes in it escaped."""
    _, quote, rest = header.partition('"')
    return rest.rpartition('"')[0].replace('\\"', '"').replace("\\\\", "\\") if quote else header


def _unreachable(connection: Connection, error: aiohttp.ClientError) -> OSError:
    return ConnectionError(f"can't reach the API server at {connection.server}: {error or type(error).__name__}")
