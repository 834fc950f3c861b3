"""How a refusal looks to a program and to a browser."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import hdrs, web

from tejer.observe.access.decide import Refuse


def wants_page(request: web.Request) -> bool:
    """Whether a browser is going to a page, rather than a program (or a page's own code) reading data."""
    return request.method == "GET" and "text/html" in request.headers.get(hdrs.ACCEPT, "")


def see_other(location: str) -> web.Response:
    """Leads a browser on; nothing on the way is kept (the address that led here may hold a code)."""
    return web.Response(status=303, headers={hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store"})


def refusal(request: web.Request, refused: Refuse) -> web.StreamResponse:
    """JSON that Prometheus's, Grafana's and Jaeger's clients each find their message in; browsers go to the login."""
    if refused.status == 401 and wants_page(request):
        return see_other(f"/login?next={quote(request.path_qs, safe='')}")
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    if refused.status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    if wants_page(request):
        return web.Response(status=refused.status, text=f"{refused.why}\n", headers=headers)
    kind = {401: "unauthorized", 403: "forbidden", 429: "too_many_requests", 503: "unavailable"}
    body = {
        "status": "error", "errorType": kind.get(refused.status, "bad_data"), "error": refused.why,
        "message": refused.why, "errors": [{"code": refused.status, "msg": refused.why}],
    }  # fmt: skip
    return web.json_response(body, status=refused.status, headers=headers)
