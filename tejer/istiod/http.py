"""istiod's plain HTTP: :8080 (/ready, and debug pages for its own loopback) and :15014 (/metrics, /version, /debug).

Debug pages show the mesh's configuration, so off the loopback they want a token whose owner may GET the page's path
(a ClusterRole with nonResourceURLs ["/debug/*"]); TokenReview and SubjectAccessReview decide.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from tejer.istiod.authn import AuthnError, bearer, may_read, review_token
from tejer.istiod.metrics import Metrics
from tejer.kube.api import Api, ApiError

Page = Callable[[Mapping[str, str]], Awaitable[Any]]
"""A debug page: query parameters in, a JSON-like value out. Raises LookupError (404) or ValueError (400)."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


def make_http_app(ready: Callable[[], str], pages: Mapping[str, Page]) -> web.Application:
    """:8080. `ready()` is "" when istiod can serve, else what it waits for."""

    async def on_ready(_: web.Request) -> web.Response:
        waiting = ready()
        return web.Response(status=503, text=f"not ready: {waiting}\n") if waiting else web.Response(text="ready\n")

    app = web.Application()
    app.router.add_get("/ready", on_ready)
    _add_pages(app, pages, None)
    return app


def make_monitoring_app(
    metrics: Metrics,
    version: Mapping[str, str],
    pages: Mapping[str, Page],
    api: Api,
    count: Callable[[], Awaitable[None]],
) -> web.Application:
    """:15014. `count` brings up to date what is only known by counting."""

    async def on_metrics(_: web.Request) -> web.Response:
        await count()
        return web.Response(text=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def on_version(_: web.Request) -> web.Response:
        return _json(dict(version))

    app = web.Application()
    app.router.add_get("/metrics", on_metrics)
    app.router.add_get("/version", on_version)
    _add_pages(app, pages, api)
    return app


def _add_pages(app: web.Application, pages: Mapping[str, Page], api: Api | None) -> None:
    async def on_list(request: web.Request) -> web.Response:
        await _authorize(request, api)
        return _json({"pages": [f"/debug/{name}" for name in pages]})

    async def on_page(request: web.Request) -> web.Response:
        await _authorize(request, api)
        page = pages.get(request.match_info["page"])
        if page is None:
            raise web.HTTPNotFound(text=f"no such page; there are: {', '.join(pages)}\n")
        try:
            return _json(await page(request.query))
        except LookupError as error:
            raise web.HTTPNotFound(text=f"{error.args[0] if error.args else error}\n") from None
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None

    app.router.add_get("/debug", on_list)
    app.router.add_get("/debug/{page}", on_page)


async def _authorize(request: web.Request, api: Api | None) -> None:
    """Loopback may; others need a token and, by RBAC, `get` on the path. `api` None: loopback only."""
    if is_loopback(request.remote or ""):
        return
    if api is None:
        raise web.HTTPForbidden(text="debug pages are for this machine's loopback; use :15014 with a token\n")
    try:
        caller = await review_token(api, bearer(request.headers.get("Authorization", "")), ())
        allowed = await may_read(api, caller, request.path)
    except AuthnError as error:
        raise web.HTTPUnauthorized(text=f"{error}\n", headers={"WWW-Authenticate": "Bearer"}) from None
    except (ApiError, OSError) as error:
        raise web.HTTPServiceUnavailable(text=f"the API server can't be asked: {error}\n") from None
    if not allowed:
        raise web.HTTPForbidden(text=f"{caller.username} may not get {request.path}\n")


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.format(_encode(value), indent=2), content_type="application/json")
