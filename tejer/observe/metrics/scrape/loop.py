"""One target's scraping: when, and what becomes of each answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scrape.client import Client, FetchError
from tejer.observe.metrics.scrape.limits import limits_of
from tejer.observe.metrics.scrape.record import Counts, Recorder
from tejer.observe.metrics.scrape.target import Target
from tejer.observe.metrics.series import Appender

log = logging.getLogger(__name__)

ACCEPT = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
OPENMETRICS = "application/openmetrics-text"
TOLERANCE = 2
"""Milliseconds by which a scrape may be late and still count as on time: equal distances compress better."""

Clock = Callable[[], int]
"""The wall clock in milliseconds."""


class ScrapeLoop:
    """A target and how it does; the fields without underscore are what the API's target pages show."""

    def __init__(
        self, target: Target, discovered: Mapping[str, str], job: ScrapeConfig, client: Client, appender: Appender,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.target, self.discovered, self.job = target, discovered, job
        self.recorder = Recorder(target.labels, job, appender)
        self.health = "unknown"
        self.last_error = ""
        self.last_scrape = 0
        """Milliseconds; 0 before the first scrape."""
        self.last_seconds = 0.0
        self.samples = 0
        self._newest = 0
        self._client, self._clock = client, clock
        self._body_limit = limits_of(job).body

    async def run(self) -> None:
        """Scrape every interval, until cancelled."""
        interval = self.target.interval
        now = self._clock()
        await asyncio.sleep(((self.target.offset - now) % interval) / 1000)
        loop = asyncio.get_running_loop()
        due, stamp = loop.time(), self._clock()
        while True:
            now = self._clock()
            stamp = stamp if abs(now - stamp) <= TOLERANCE else now
            await self.scrape(stamp)
            late = loop.time() - due
            steps = int(late * 1000 // interval) + 1
            due += steps * interval / 1000
            stamp += steps * interval
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def scrape(self, time: int) -> None:
        """One scrape, stored as of `time`. Whatever a target does, only it is affected."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        counts, error = Counts(), ""
        if time < self._newest:  # the store takes a series' samples in their order
            behind = (self._newest - time) / 1000
            return self._down(f"the clock went back by {behind:.0f} s: samples are refused until it has caught up")
        self._newest = time
        try:
            answer = await self._client.get(
                self.target.url, seconds=self.target.timeout / 1000, limit=self._body_limit, headers=self._headers()
            )
            openmetrics = answer.content_type.lower().startswith(OPENMETRICS)
            counts = self.recorder.record(_decode(answer.body), time, openmetrics=openmetrics)
        except (FetchError, ValueError) as reason:
            error = str(reason)
        except OSError as reason:
            error = f"the samples can't be stored: {reason}"
        except Exception as reason:  # one target's surprise must not end the others
            log.exception("scraping %s", self.target.url)
            error = f"{type(reason).__name__}: {reason}"
        self._finish(time, loop.time() - started, counts, error)

    def _finish(self, time: int, seconds: float, counts: Counts, error: str) -> None:
        if error:
            self._down(error)
        else:
            self.health, self.last_error = "up", ""
        self.last_scrape, self.last_seconds, self.samples = time, seconds, counts.stored
        try:
            if error:
                self.recorder.lose(time)
            self.recorder.report(time, up=not error, seconds=seconds, counts=counts)
        except (OSError, ValueError) as reason:
            self.last_error = self.last_error or f"the samples can't be stored: {reason}"

    def _down(self, error: str) -> None:
        if self.health != "down":
            log.warning("job %s: %s is down: %s", self.job.job_name, self.target.url, error)
        self.health, self.last_error = "down", error

    def end(self, time: int) -> None:
        """The target is gone."""
        try:
            self.recorder.end(time)
        except (OSError, ValueError) as reason:
            log.warning("the end of %s can't be stored: %s", self.target.url, reason)

    def _headers(self) -> dict[str, str]:
        return {"Accept": ACCEPT, "X-Prometheus-Scrape-Timeout-Seconds": f"{self.target.timeout / 1000:g}"}


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: byte {body[error.start]:#04x} is not UTF-8") from None
