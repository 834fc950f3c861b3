"""/login and /logout: a session from a one-time link's code or from a token pasted into the page."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping

import msgspec
from aiohttp import hdrs, web

from tejer.observe.access.answers import refusal, see_other
from tejer.observe.access.decide import MAX_TOKEN, Refuse, local_path
from tejer.observe.access.guard import ASKING, LOGOUT, Guard
from tejer.observe.access.sessions import SESSION_SECONDS, Who
from tejer.observe.web.loginpage import login_page


def login_routes(guard: Guard) -> list[web.RouteDef]:
    async def on_login(request: web.Request) -> web.StreamResponse:
        onward = local_path(request.query.get("next", "/"))
        code = request.query.get("code", "")
        if not code:
            return login_page(request, guard.settings.service, onward)
        who = guard.codes.redeem(code, guard.clock())
        if who is None:
            return login_page(request, guard.settings.service, onward, status=401, problem="link_spent")
        return _enter(guard, who, onward, SESSION_SECONDS)

    async def on_token(request: web.Request) -> web.StreamResponse:
        if (origin := request.headers.get(hdrs.ORIGIN, "")) and not _same_site(origin, request):
            return refusal(request, Refuse(403, f"a page of {origin} may not log in here"))
        form = await request.post()
        onward, token = local_path(str(form.get("next", "/"))), "".join(str(form.get("token", "")).split())
        who = await _owner(guard, request, token)
        if isinstance(who, Refuse):
            problem = {429: "too_many", 503: "unreachable"}.get(who.status, "wrong_token")
            return login_page(request, guard.settings.service, onward, status=who.status, problem=problem, why=who.why)
        return _enter(guard, who, onward, seconds_left(token, time.time()))

    async def on_logout(request: web.Request) -> web.StreamResponse:
        guard.sessions.close(request.cookies.get(guard.settings.cookie, ""), guard.clock())
        response: web.StreamResponse = web.Response(status=204)
        response.del_cookie(guard.settings.cookie, path="/")
        return response

    return [web.get("/login", on_login), web.post("/login", on_token), web.post(LOGOUT, on_logout)]


async def _owner(guard: Guard, request: web.Request, token: str) -> Who | Refuse:
    """The owner of a pasted token, if they may read; nobody is let in only to be refused by every page."""
    if guard.reviews is None:
        return Refuse(401, "this server asks nobody for a token: open it as localhost")
    if not token or len(token) > MAX_TOKEN:
        return Refuse(401, f"paste a token of at most {MAX_TOKEN} bytes")
    try:
        who = await guard.owner(request, token)
        if isinstance(who, Refuse) or await guard.reviews.may(who, "get"):
            return who
    except ASKING as error:
        return Refuse(503, f"the API server can't be asked: {error}")
    return guard.forbidden(who, "get")


def _enter(guard: Guard, who: Who, onward: str, seconds: float) -> web.StreamResponse:
    secret = guard.sessions.open(who, guard.clock(), seconds)
    response = see_other(onward)
    response.set_cookie(guard.settings.cookie, secret, path="/", httponly=True, samesite="Strict")
    return response


def _same_site(origin: str, request: web.Request) -> bool:
    return origin.partition("://")[2] == request.headers.get(hdrs.HOST, "")


def seconds_left(token: str, now: float) -> float:
    """How long a JWT still holds (`exp`), so that its session ends with it; others as long as a session may."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error, msgspec.DecodeError):
        return SESSION_SECONDS
    expires = claims.get("exp") if isinstance(claims, Mapping) else None
    return min(SESSION_SECONDS, expires - now) if isinstance(expires, int | float) else SESSION_SECONDS
