"""Passes every received span on to an outside OTLP/HTTP collector, beside keeping it.

The queue is bounded: while the collector is away or slow the oldest spans are dropped and counted, and the log says so
once a minute at most. Ingest never waits for it.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections import Counter, deque
from collections.abc import Sequence

import aiohttp
import msgspec
from aiohttp import hdrs

from tejer.observe.traces.api.v3_json import export_request
from tejer.observe.traces.spans import Span

log = logging.getLogger(__name__)
MOST_WAITING = 20_000
"""Spans; about 20 MB."""
AT_ONCE = 512
TRIES = 4
_TIMEOUT = 10.0
_FIRST_PAUSE = 1.0
_RETRYABLE = (429, 502, 503, 504)
_SAY_EVERY = 60.0
SENT, DROPPED = "sent", "dropped"


class Forwarder:
    """An async context manager; `run` sends until cancelled. Without a URL it takes nothing."""

    def __init__(self, url: str, most_waiting: int = MOST_WAITING) -> None:
        self.counts: Counter[str] = Counter({SENT: 0, DROPPED: 0})
        self._url = url if not url or url.endswith("/v1/traces") else f"{url.rstrip('/')}/v1/traces"
        self._most = most_waiting
        self._waiting: deque[Span] = deque()
        self._arrived = asyncio.Event()
        self._said = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Forwarder:
        if self._url:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def offer(self, spans: Sequence[Span]) -> None:
        """Queue a copy; the oldest make room."""
        if not self._url or not spans:
            return
        self._waiting.extend(spans)
        over = len(self._waiting) - self._most
        for _ in range(over):
            self._waiting.popleft()
        if over > 0:
            self._drop(over, "it is slower than spans come")
        self._arrived.set()

    async def run(self) -> None:
        """Send what waits, batch by batch, for ever."""
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            if batch:
                await self._send(batch)

    async def _send(self, batch: list[Span]) -> None:
        body = gzip.compress(msgspec.json.encode(export_request(batch)), compresslevel=1)
        pause, problem = _FIRST_PAUSE, ""
        for number in range(TRIES):
            if number:
                await asyncio.sleep(pause)
                pause *= 2
            status, problem = await self._post(body)
            if 200 <= status < 300:
                self.counts[SENT] += len(batch)
                return
            if status and status not in _RETRYABLE:
                break
        self._drop(len(batch), problem)

    async def _post(self, body: bytes) -> tuple[int, str]:
        """(HTTP status, what is wrong); status 0 where there was no answer."""
        assert self._session is not None
        headers = {hdrs.CONTENT_TYPE: "application/json", hdrs.CONTENT_ENCODING: "gzip"}
        try:
            async with self._session.post(self._url, data=body, headers=headers) as answer:
                said = (await answer.content.read(300)).decode("utf-8", "replace")
                return answer.status, f"it answered {answer.status}: {said}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return 0, f"it can't be reached: {error or type(error).__name__}"

    def _drop(self, count: int, why: str) -> None:
        self.counts[DROPPED] += count
        now = time.monotonic()
        if now - self._said > _SAY_EVERY or not self._said:
            self._said = now
            log.warning("spans were not forwarded to %s (%d so far): %s", self._url, self.counts[DROPPED], why)
