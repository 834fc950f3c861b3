from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tejer.observe.metrics.loading import ConfigError
from tejer.observe.metrics.remote import new_session, remote_routes
from tests.unit.observe.metrics.scrape.exposing import Exposing, exposing


def ready() -> None:
    pass


@asynccontextmanager
async def front(url: str, token_file: str = "", before_reload: Callable[[], None] = ready) -> AsyncIterator[str]:
    async with new_session() as session:
        app = web.Application()
        app.add_routes(remote_routes(url, token_file, session, before_reload))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


def run(work: Callable[[Exposing, aiohttp.ClientSession], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        async with exposing() as upstream, aiohttp.ClientSession() as browser:
            await work(upstream, browser)

    asyncio.run(inside())


def test_questions_and_answers_pass_without_the_callers_credentials(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("upstream-token")

    async def work(upstream: Exposing, browser: aiohttp.ClientSession) -> None:
        upstream.body, upstream.status = '{"status":"error"}', 422
        upstream.headers = {"Content-Type": "application/json", "Set-Cookie": "a=b", "X-Other": "kept"}
        async with front(f"http://{upstream.address}", str(token)) as url:
            sent = {"Authorization": "Bearer mine", "Cookie": "session=1", "X-CSRF-Token": "t"}
            async with browser.post(
                f"{url}/api/v1/query?time=1%2B2", data={"query": "up{a='b&c'}"}, headers=sent
            ) as got:
                assert (got.status, await got.text()) == (422, '{"status":"error"}')
                assert "Set-Cookie" not in got.headers and got.headers["X-Other"] == "kept"
        (request,) = upstream.requests
        assert request.raw_path == "/api/v1/query?time=1%2B2"
        assert request.headers["Authorization"] == "Bearer upstream-token"
        assert "Cookie" not in request.headers and "X-CSRF-Token" not in request.headers
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"

    run(work)


def test_an_upstream_that_is_gone_is_said(tmp_path: Path) -> None:
    async def work(upstream: Exposing, browser: aiohttp.ClientSession) -> None:
        async with front("http://127.0.0.1:9") as url:
            async with browser.get(f"{url}/api/v1/query") as got:
                assert got.status == 502
                answer = json.loads(await got.text())
                assert answer["status"] == "error" and "can't be reached" in answer["error"]
            async with browser.get(f"{url}/-/ready") as got:
                assert got.status == 503, "the pod is not ready while the engine is not"

    run(work)


def test_a_reload_is_prepared_first_and_may_be_refused() -> None:
    async def work(upstream: Exposing, browser: aiohttp.ClientSession) -> None:
        def refuse() -> None:
            raise ConfigError("prometheus.yml:3: no such field")

        async with (
            front(f"http://{upstream.address}", before_reload=refuse) as url,
            browser.post(f"{url}/-/reload") as got,
        ):
            assert got.status == 500 and "prometheus.yml:3" in await got.text()
        assert not upstream.requests
        prepared: list[bool] = []
        upstream_url = f"http://{upstream.address}"

        def prepare() -> None:
            prepared.append(True)

        async with front(upstream_url, before_reload=prepare) as url, browser.post(f"{url}/-/reload") as got:
            assert got.status == 200
        assert prepared == [True] and [request.path for request in upstream.requests] == ["/-/reload"]

    run(work)
