"""A real Prometheus behind our front door.

Access, pages and probes stay ours; every other request is passed on as it came, without the caller's credentials.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import aiohttp
from aiohttp import hdrs, web

from tejer.kube.api import Api
from tejer.observe.metrics.loading import ConfigError
from tejer.observe.metrics.options import Options
from tejer.observe.metrics.serving import listening, make_app, until_stopped

log = logging.getLogger(__name__)

LONGEST_ANSWER = 150.0
"""Seconds; Prometheus ends queries after 2 minutes by default."""
_NOT_PASSED = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding",
    "upgrade", "host", "authorization", "cookie", "set-cookie", "content-length", "x-csrf-token", "origin", "referer",
}  # fmt: skip
_PASSED = ("/api/v1/{rest:.*}", "/federate", "/metrics", "/-/{rest:.*}")
RELOAD = "/-/reload"
_METHODS = (hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_PUT)


def remote_routes(
    url: str, token_file: str, session: aiohttp.ClientSession, before_reload: Callable[[], None]
) -> list[web.RouteDef]:
    """Routes that hand every API request to the Prometheus at `url` and its answer back, as a stream.

    `before_reload` is called before a reload is handed on; it raises ConfigError or OSError to refuse it.
    """

    async def on_any(request: web.Request) -> web.StreamResponse:
        if request.path == RELOAD:
            try:
                before_reload()
            except (ConfigError, OSError) as error:
                log.error("the configuration stays as it was: %s", error)
                return web.Response(status=500, text=f"failed to reload config: {error}\n")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_PASSED}
        if token_file:
            headers["Authorization"] = _bearer(token_file)
        try:
            async with session.request(
                request.method, f"{url}{request.raw_path}", headers=headers, data=await request.read(),
                allow_redirects=False,
            ) as answer:  # fmt: skip
                return await _hand_back(request, answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            said = f"the Prometheus behind this door can't be reached: {type(error).__name__}: {error}"
            body = {"status": "error", "errorType": "unavailable", "error": said}
            return web.json_response(body, status=503 if request.path.startswith("/-/") else 502)

    return [web.route(method, path, on_any) for path in _PASSED for method in _METHODS]


def _bearer(token_file: str) -> str:
    return f"Bearer {Path(token_file).read_text().strip()}"


async def _hand_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in _NOT_PASSED:
            response.headers[name] = value
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def new_session() -> aiohttp.ClientSession:
    """Answers are passed on as they are, compressed ones too."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=LONGEST_ANSWER, sock_connect=5), auto_decompress=False, trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=64),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
    )  # fmt: skip


async def serve_url(options: Options, api: Api | None) -> int:
    """Stand before the Prometheus at `options.url` until SIGTERM."""
    async with new_session() as session:
        app = make_app(options, api, remote_routes(options.url, options.token_file, session, lambda: None))
        async with listening(app, options):
            log.info("answers come from %s", options.url)
            await until_stopped(asyncio.Event())
    return 0
