"""The routes of a place's pages and of the files under /static/."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from tejer.kube.version import VERSION
from tejer.observe.access.guard import SESSION, WHO
from tejer.observe.web import shell
from tejer.observe.web.assets import Assets, StaticFile
from tejer.observe.web.messages import messages
from tejer.observe.web.places import Place
from tejer.observe.web.preferences import LANGUAGES, preferences

IMMUTABLE = "public, max-age=31536000, immutable"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def page_routes(
    place: Place, data: Mapping[str, Any] | None = None, assets: Assets | None = None
) -> list[web.RouteDef]:
    """All that `place` shows a browser: `/` leads to its home. `data` is given to its modules as `boot.data`."""
    assets = assets or Assets()

    async def on_home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(place.home)

    page = _page(place, dict(data or {}), assets)
    routes = [web.get("/", on_home), *static_routes(assets)]
    return routes + [web.get(path, page) for path in place.paths]


def static_routes(assets: Assets) -> list[web.RouteDef]:
    async def on_file(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        file = assets.find(name)
        if file is None:
            raise web.HTTPNotFound(text=f"no file {name}\n")
        lasting = name.startswith("bundle/") or request.query.get("v") == file.digest
        return send_file(request, file, lasting=lasting)

    return [web.get("/static/{name:.+}", on_file)]


def send_file(request: web.Request, file: StaticFile, *, lasting: bool) -> web.Response:
    """With the name of its content as ETag; `lasting` files never change under their URL."""
    headers = {
        hdrs.ETAG: f'"{file.digest}"',
        hdrs.CACHE_CONTROL: IMMUTABLE if lasting else "no-cache",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    if any(tag.value == file.digest for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = file.body
    if file.packed and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body, headers[hdrs.CONTENT_ENCODING] = file.packed, "gzip"
    return web.Response(body=body, headers=headers, content_type=file.content_type, charset="utf-8")


def _page(place: Place, data: dict[str, Any], assets: Assets) -> _Handler:
    async def on_page(request: web.Request) -> web.StreamResponse:
        wanted = preferences(request.cookies, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
        words = messages(wanted.language, "common", place.name)
        session = request.get(SESSION)
        boot = {
            "place": place.name, "title": place.title, "version": VERSION, "language": wanted.language,
            "languages": LANGUAGES, "theme": wanted.theme, "messages": words, "data": data,
            "user": request[WHO].user if WHO in request else "", "csrf": session.csrf if session else "",
        }  # fmt: skip
        styles = assets.styles("css/base.css", "vendor/uplot.css", f"css/{place.name}.css")
        html = shell.page(
            place.title, wanted, styles, assets.entry(place.name), boot, place.name, words.get("noscript", "")
        )
        return web.Response(text=html, content_type="text/html", headers=shell.HEADERS)

    return on_page
