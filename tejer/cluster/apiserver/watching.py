"""A watch over HTTP: one JSON document per line until time is up, the client goes or the server stops."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tejer.cluster.apiserver import query as q
from tejer.cluster.apiserver.core import Request
from tejer.cluster.apiserver.render import Renderer, negotiate
from tejer.cluster.apiserver.verbs import Verbs
from tejer.kube.api import ApiError

_ENCODE = msgspec.json.Encoder().encode


async def stream(verbs: Verbs, request: Request, http: web.Request, name: str) -> web.StreamResponse:
    """Answer 200 and stream. A revision that is too old is an ERROR event (410), as clients expect, not a status."""
    renderer = Renderer(negotiate(http.headers.get("Accept", "")), http.query, verbs.core.now())
    response = web.StreamResponse(headers={"Content-Type": renderer.form.media, "Cache-Control": "no-cache, private"})
    options = q.watch_options(request.defn, http.query, name)
    try:
        watch = verbs.watch(request, options)
    except ApiError as error:
        if error.code != 410:
            raise
        await response.prepare(http)
        await response.write(_error_line(error))
        return response
    try:
        await response.prepare(http)
        first = True
        async for batch in watch.batches():
            lines = []
            for event in batch:
                lines.append(_ENCODE(renderer.event(request.defn, event.type, event.object, first=first)) + b"\n")
                first = False
            if lines:
                await response.write(b"".join(lines))
    except ApiError as error:
        await response.write(_error_line(error))
    finally:
        watch.close()
    return response


def _error_line(error: ApiError) -> bytes:
    return _ENCODE({"type": "ERROR", "object": error.body}) + b"\n"
