"""HTTP requests as a configuration section describes them: TLS, credentials, headers, limits.

Certificates and credentials named as files are read again when they change, so that rotation needs no reload.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import aiohttp

from tejer.observe.metrics.config import HttpClient, TlsConfig

USER_AGENT = "tejer-prometheus"
_CHUNK = 64 * 1024
_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1, "TLS11": ssl.TLSVersion.TLSv1_1, "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip


class FetchError(OSError):
    """No usable answer; `str()` says why, without credentials."""


class Answer(NamedTuple):
    body: bytes
    content_type: str


class Client:
    """Requests of one job or discovery. Use as `async with`."""

    def __init__(self, config: HttpClient, *, compress: bool = True) -> None:
        self._config = config
        self._encoding = "gzip" if compress else "identity"
        self._tls = _Tls(config.tls_config)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: str, *, seconds: float, limit: int, headers: Mapping[str, str]) -> Answer:
        """One GET; `limit` in bytes after decompression. Raises FetchError."""
        try:
            async with asyncio.timeout(seconds):
                return await self._get(url, limit, headers)
        except TimeoutError:
            raise FetchError(f"no answer within {seconds:g} s") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise FetchError(f"{error.host}:{error.port}: {error.certificate_error}") from None
        except aiohttp.ClientConnectorError as error:
            raise FetchError(f"{error.host}:{error.port}: {_reason(error.os_error)}") from None
        except aiohttp.ClientError as error:
            raise FetchError(f"{url}: {type(error).__name__}: {str(error)[:200]}") from None
        except ValueError as error:
            raise FetchError(f"{url}: {error}") from None

    async def _get(self, url: str, limit: int, headers: Mapping[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60), trust_env=False,
                timeout=aiohttp.ClientTimeout(), cookie_jar=aiohttp.DummyCookieJar(),
            )  # fmt: skip
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": self._encoding, **headers, **self._own_headers()}
        async with self._session.get(
            url, headers=sent, allow_redirects=self._config.follow_redirects, ssl=self._tls.context(),
            server_hostname=str(self._config.tls_config.server_name) or None,
            proxy=str(self._config.proxy_url) or None,
        ) as response:  # fmt: skip
            if response.status != 200:
                raise FetchError(f"server returned HTTP status {response.status} {response.reason}")
            parts, size = [], 0
            async for chunk in response.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise FetchError(f"the body is larger than {limit} bytes")
                parts.append(chunk)
            return Answer(b"".join(parts), response.headers.get("Content-Type", ""))

    def _own_headers(self) -> dict[str, str]:
        config = self._config
        headers = {}
        for name, header in config.http_headers.items():
            values = [*header.values, *header.secrets, *(_read(path) for path in header.files)]
            headers[name] = ", ".join(map(str, values))
        if (basic := config.basic_auth) is not None:
            user = str(basic.username) or _read(basic.username_file)
            password = str(basic.password) or _read(basic.password_file)
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        elif (given := config.authorization) is not None:
            headers["Authorization"] = f"{given.type} {given.credentials or _read(given.credentials_file)}"
        elif token := str(config.bearer_token) or _read(config.bearer_token_file):
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _reason(error: OSError) -> str:
    """asyncio's texts repeat the address; an SSLError's number is none of the system's."""
    return os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else str(error)


def _read(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None


class _Tls:
    """The TLS context of a section, made anew when one of its files changed."""

    def __init__(self, config: TlsConfig) -> None:
        self._config = config
        self._context: ssl.SSLContext | None = None
        self._made_of: tuple[object, ...] = ()

    def context(self) -> ssl.SSLContext:
        files = [str(path) for path in (self._config.ca_file, self._config.cert_file, self._config.key_file) if path]
        try:
            now: tuple[object, ...] = tuple(Path(path).stat().st_mtime_ns for path in files)
            if self._context is None or now != self._made_of:
                self._context, self._made_of = _context(self._config), now
        except OSError as error:  # an SSLError is one
            raise FetchError(f"tls_config: {error}") from None
        return self._context


def _context(config: TlsConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca_file or None, cadata=config.ca or None)
    context.minimum_version = _VERSIONS[config.min_version]
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.cert_file:
        context.load_cert_chain(config.cert_file, config.key_file or None)
    return context
