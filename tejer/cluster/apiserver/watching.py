"""A watch over HTTP: one JSON document per line until time is up, the client goes or the server stops."""

from __future__ import annotations

import logging

import msgspec
from aiohttp import web

from tejer.cluster.apiserver import query as q
from tejer.cluster.apiserver.core import Request
from tejer.cluster.apiserver.render import Renderer, negotiate
from tejer.cluster.apiserver.verbs import Verbs
from tejer.kube.api import ApiError, WatchEvent
from tejer.kube.resource import Body

_ENCODE = msgspec.json.Encoder().encode

log = logging.getLogger(__name__)


class Lines:
    """Watch events as JSON lines, encoded once for all watchers. A revision belongs to one event of the cluster."""

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._lines: dict[tuple[str, str, str], bytes] = {}

    def encode(self, event: WatchEvent) -> bytes:
        if event.type == "BOOKMARK":
            return _line(event.type, event.object)
        key = (event.type, event.object["metadata"]["resourceVersion"], event.object["apiVersion"])
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _line(event.type, event.object)
            if len(self._lines) > self._size:
                del self._lines[next(iter(self._lines))]
        return line


async def stream(verbs: Verbs, request: Request, http: web.Request, name: str, shared: Lines) -> web.StreamResponse:
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
                if not renderer.form.kind:
                    lines.append(shared.encode(event))
                else:
                    lines.append(_ENCODE(renderer.event(request.defn, event.type, event.object, first=first)) + b"\n")
                    first = False
            if lines:
                await response.write(b"".join(lines))
            elif http.transport is None or http.transport.is_closing():
                break
    except ApiError as error:
        await response.write(_error_line(error))
    except ConnectionError:
        log.debug("the client of a watch of %s went away", request.defn.rtype.plural)  # how most watches end
    finally:
        watch.close()
    return response


def _error_line(error: ApiError) -> bytes:
    return _line("ERROR", error.body)


def _line(kind: str, body: Body) -> bytes:
    return _ENCODE({"type": kind, "object": body}) + b"\n"
