"""The HTTP client of a Prometheus, ours or a real one: queries and label values, with bounds on time and size.

Source: prometheus.io/docs/prometheus/latest/querying/api.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

MAX_ANSWER = 32 * 1024 * 1024
MAX_AT_ONCE = 6
"""Queries in flight: a dashboard of eighty must not keep others from asking."""


@dataclass(frozen=True)
class DataSource:
    """A provisioned data source. A header's value may be `$__file{PATH}`, read at each request: tokens rotate."""

    name: str
    uid: str
    url: str
    kind: str = "prometheus"
    is_default: bool = False
    scrape_interval: str = "15s"
    headers: tuple[tuple[str, str], ...] = ()
    timeout_seconds: float = 60

    def __repr__(self) -> str:
        return f"DataSource({self.name!r}, {self.url!r})"  # headers hold secrets


class QueryError(Exception):
    """Prometheus refused a query, or can't be reached. `str()` says what and why; `status` is its HTTP code."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


class Prometheus:
    """One data source over a shared session."""

    def __init__(self, source: DataSource, session: aiohttp.ClientSession) -> None:
        self.source = source
        self._session = session
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def query(self, expr: str, at_ms: int) -> dict[str, Any]:
        """The `data` of an instant query. Raises QueryError."""
        return self._result(await self._get("query", {"query": expr, "time": _seconds(at_ms)}))

    async def query_range(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> dict[str, Any]:
        parameters = {
            "query": expr, "start": _seconds(start_ms), "end": _seconds(end_ms), "step": f"{step_ms / 1000:g}",
        }  # fmt: skip
        return self._result(await self._get("query_range", parameters))

    async def label_values(self, label: str, match: str, start_ms: int, end_ms: int) -> Any:
        parameters = {"start": _seconds(start_ms), "end": _seconds(end_ms), **({"match[]": match} if match else {})}
        return await self._get(f"label/{label}/values", parameters, post=False)

    async def label_names(self, match: str, start_ms: int, end_ms: int) -> Any:
        parameters = {"start": _seconds(start_ms), "end": _seconds(end_ms), **({"match[]": match} if match else {})}
        return await self._get("labels", parameters)

    async def series(self, match: str, start_ms: int, end_ms: int) -> Any:
        return await self._get("series", {"match[]": match, "start": _seconds(start_ms), "end": _seconds(end_ms)})

    def _result(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or not isinstance(data.get("result"), list):
            raise QueryError(f"{self.source.name} at {self.source.url} gave no result: is it a Prometheus?")
        return data

    async def _get(self, path: str, parameters: Mapping[str, str], *, post: bool = True) -> Any:
        """Queries are posted as forms: with a hundred workloads in a variable they outgrow an address."""
        url = f"{self.source.url.rstrip('/')}/api/v1/{path}"
        arguments: dict[str, Any] = {"data": parameters} if post else {"params": parameters}
        try:
            async with (
                self._turns,
                self._session.request(
                    "POST" if post else "GET", url, headers=self._headers(), allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=self.source.timeout_seconds), **arguments,
                ) as response,
            ):  # fmt: skip
                body = await _bounded(response)
                return self._data(response.status, body)
        except TimeoutError:
            raise QueryError(f"{self.source.name} took more than {self.source.timeout_seconds:g} s", 504) from None
        except (aiohttp.ClientError, OSError) as error:
            raise QueryError(f"{self.source.name} at {self.source.url} can't be reached: {error}") from error

    def _data(self, status: int, body: bytes) -> Any:
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = None
        if not isinstance(answer, dict):
            hint = {401: ": it wants a token", 403: ": the token may not read it"}.get(status, "")
            raise QueryError(f"{self.source.name} at {self.source.url} answered {status}{hint}")
        if answer.get("status") != "success":
            raise QueryError(str(answer.get("error") or answer.get("errorType") or f"status {status}"), status)
        return answer.get("data")

    def _headers(self) -> dict[str, str]:
        return {name: expanded(value) for name, value in self.source.headers}


def expanded(value: str) -> str:
    """`$__file{PATH}` anywhere in it → what the file holds now, as in Grafana's provisioning. A missing file is "" """
    before, mark, rest = value.partition("$__file{")
    path, closing, after = rest.partition("}")
    if not (mark and closing):
        return value
    try:
        content = Path(path).read_text().strip()
    except OSError:
        content = ""
    return before + content + after


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = await response.content.read(MAX_ANSWER + 1)
    chunks = [body]
    size = len(body)
    while body and size <= MAX_ANSWER:
        body = await response.content.read(MAX_ANSWER + 1 - size)
        chunks.append(body)
        size += len(body)
    if size > MAX_ANSWER:
        raise QueryError(
            f"the answer has more than {MAX_ANSWER // 1024 // 1024} MiB: ask for fewer series or a shorter time"
        )
    return b"".join(chunks)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
