"""`protect(app, settings, api)`: what each server of the observe room calls to be guarded."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from tejer.kube.api import Api
from tejer.observe.access.guard import AccessSettings, Guard
from tejer.observe.access.linkdoor import link_door, socket_path
from tejer.observe.access.login import login_routes
from tejer.observe.access.reviews import Reviews

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
GUARD: web.AppKey[Guard] = web.AppKey("guard", Guard)


def protect(
    app: web.Application, settings: AccessSettings, api: Api | None, clock: Callable[[], float] = time.monotonic
) -> Guard:
    """Put the guard before all routes of `app`, add /login and /logout, and open the one-time link's door.

    `api` may be None only with `open_on_loopback`. Raises ValueError otherwise.
    """
    if api is None and not settings.open_on_loopback:
        raise ValueError("a server that is not for the loopback alone needs an API server to ask who may use it")
    reviews = Reviews(api, settings.namespace, settings.service, clock) if api is not None else None
    guard = Guard(settings, reviews, clock)
    app[GUARD] = guard

    @web.middleware
    async def check(request: web.Request, handler: _Handler) -> web.StreamResponse:
        return await guard.admit(request) or await handler(request)

    app.middlewares.insert(0, check)
    app.on_response_prepare.append(_harden)
    app.add_routes(login_routes(guard))
    if not settings.open_on_loopback:
        app.cleanup_ctx.append(_door)
    return guard


async def _door(app: web.Application) -> AsyncIterator[None]:
    guard = app[GUARD]
    path = guard.settings.socket or socket_path(guard.settings.service)
    async with link_door(path, lambda who: guard.codes.mint(who, guard.clock())):
        yield


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """What is not one of our pages (which say more) is data: a browser must not take it for anything else."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
