"""Every received span goes on to an outside collector; a collector that fails costs spans there, never here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tejer.observe.traces import forward
from tests.unit.observe.traces.program import options_for, otlp_json, server, span


@asynccontextmanager
async def collector(port: int, statuses: list[int]) -> AsyncIterator[list[Any]]:
    """Answers with `statuses` in turn, the last for ever; the bodies it said 200 to are what it gives."""
    taken: list[Any] = []

    async def on_post(request: web.Request) -> web.Response:
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        body = await request.read()
        if status == 200:
            taken.append(json.loads(body))
        return web.Response(status=status, text="no room" if status != 200 else "{}")

    app = web.Application()
    app.add_routes([web.post("/v1/traces", on_post)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield taken
    finally:
        await runner.cleanup()


async def forwarded(program: Any, line: str) -> None:
    async with asyncio.timeout(20):
        while line not in (await program.get("/metrics"))[1]:
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "_FIRST_PAUSE", 0.01)


def test_spans_go_on_as_they_came_after_a_retry(tmp_path: Path) -> None:
    port = options_for(tmp_path).port
    sent = span("passed on", attributes=[{"key": "n", "value": {"intValue": "1"}}])

    async def run() -> None:
        async with (
            collector(port, [503, 200]) as taken,
            server(tmp_path, forward=f"http://127.0.0.1:{port}") as program,
        ):
            await program.send(sent)
            await forwarded(program, 'spans_total{outcome="sent"} 1')
            assert taken == [otlp_json({**sent, "status": {}})]

    asyncio.run(run())


@pytest.mark.parametrize(("status", "why"), [(400, "it answered 400: no room"), (0, "it can't be reached")])
def test_what_the_collector_does_not_take_is_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, why: str
) -> None:
    port = options_for(tmp_path).port

    async def run() -> None:
        async with (
            collector(port if status else options_for(tmp_path).port, [status]),
            server(tmp_path, forward=f"http://127.0.0.1:{port}") as program,
        ):
            await program.send(span(), span())
            await forwarded(program, 'spans_total{outcome="dropped"} 2')
            assert (await program.get("/api/services"))[1]["data"] == ["web.default"]

    asyncio.run(run())
    assert why in caplog.text


def test_the_queue_is_bounded() -> None:
    async def run() -> None:
        async with forward.Forwarder("http://127.0.0.1:9", most_waiting=3) as forwarder:
            forwarder.offer([object()] * 5)  # type: ignore[list-item]
            assert forwarder.counts == {"sent": 0, "dropped": 2}

    asyncio.run(run())
