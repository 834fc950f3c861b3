"""`GET pods/NAME/log`: a container's output as plain text, chunk by chunk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from aiohttp import web

from tejer.cluster.apiserver.backend import LogOptions, PodBackend
from tejer.cluster.apiserver.streams.params import container_of, flag, whole_number
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

_HEADERS_AFTER = 0.3
"""Seconds to wait for a first chunk (an error is then still a proper answer) before the headers go out."""
_CLIENT_CHECK = 1.0


def log_options(params: Mapping[str, str], now: float) -> LogOptions:
    """The query as LogOptions; `now` is seconds since the epoch. Raises ApiError 400."""
    since_seconds, since_time = whole_number(params, "sinceSeconds"), params.get("sinceTime", "")
    if since_seconds is not None and since_time:
        raise ApiError(400, "BadRequest", "at most one of sinceTime or sinceSeconds may be specified")
    since = now - since_seconds if since_seconds is not None else None
    if since_time:
        try:
            since = datetime.fromisoformat(since_time.replace("Z", "+00:00")).timestamp()
        except ValueError as error:
            raise ApiError(400, "BadRequest", f"sinceTime is {since_time!r}; it must be RFC 3339") from error
    return LogOptions(
        follow=flag(params, "follow"),
        previous=flag(params, "previous"),
        timestamps=flag(params, "timestamps"),
        tail_lines=whole_number(params, "tailLines"),
        since_time=since,
        limit_bytes=whole_number(params, "limitBytes"),
    )


async def handle_log(
    request: web.Request, pod: Body, params: Mapping[str, str], backend: PodBackend
) -> web.StreamResponse:
    """Answer with the log of the pod's container; with `follow`, until it ends or the client goes.

    Raises ApiError where the backend has no log to give (as long as nothing has been sent).
    """
    container = container_of(pod, params.get("container", ""))
    chunks = backend.logs(pod, container, log_options(params, time.time()))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    error: ApiError | None = None
    async with asyncio.TaskGroup() as group:
        pending = group.create_task(_next(chunks))
        await asyncio.wait([pending], timeout=_HEADERS_AFTER)
        if pending.done() and isinstance(first := pending.result(), ApiError):
            error = first
        else:
            await response.prepare(request)
            await _copy(group, pending, chunks, request, response)
    if error is not None:
        raise error
    return response


async def _copy(
    group: asyncio.TaskGroup,
    pending: asyncio.Task[bytes | ApiError | None],
    chunks: AsyncIterator[bytes],
    request: web.Request,
    response: web.StreamResponse,
) -> None:
    """Send chunk after chunk. A quiet log is no reason to miss that the client went away."""
    try:
        while True:
            await asyncio.wait([pending], timeout=_CLIENT_CHECK)
            if not pending.done():
                if request.transport is None or request.transport.is_closing():
                    return
                continue
            chunk = pending.result()
            if chunk is None or isinstance(chunk, ApiError):
                await response.write_eof()
                return
            if chunk:
                await response.write(chunk)
            pending = group.create_task(_next(chunks))
    except OSError:
        return  # the client went away while we wrote
    finally:
        pending.cancel()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | ApiError | None:
    """The next chunk, None at the end; a refusal as a value, so that it does not end the TaskGroup."""
    try:
        return await anext(chunks, None)
    except ApiError as error:
        return error
