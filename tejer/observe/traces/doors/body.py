"""Reading what a stranger posts: bounded in size (also of what gzip makes of it) and in time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

from aiohttp import hdrs, web

from tejer.observe.traces.limits import Limits


class BadBody(Exception):
    """`status` is the HTTP status that says it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_body(request: web.Request, limits: Limits, hold: Callable[[int], None]) -> bytes:
    """The request's body, unpacked. The application must leave decompression to us. `hold` is told of each piece.

    Raises BadBody, and what `hold` raises.
    """
    length = request.content_length
    if length is not None and length > limits.body:
        raise BadBody(413, f"the body has {length} bytes, at most {limits.body} are taken: send smaller batches")
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise BadBody(415, f"Content-Encoding {encoding[:40]!r} is not supported: use gzip or none")
    try:
        async with asyncio.timeout(limits.seconds):
            body = await _received(request, limits, hold)
    except TimeoutError:
        raise BadBody(408, f"the body did not come within {limits.seconds:g} s") from None
    if encoding != "gzip":
        return body
    unpacked = unpack(body, limits)
    hold(len(unpacked))
    return unpacked


async def _received(request: web.Request, limits: Limits, hold: Callable[[int], None]) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        hold(len(chunk))
        body += chunk
        if len(body) > limits.body:
            raise BadBody(413, f"the body has more than the {limits.body} bytes that are taken: send smaller batches")
    return bytes(body)


def unpack(packed: bytes, limits: Limits) -> bytes:
    """gzip, as far as the limit. Raises BadBody for what is no gzip, and for what grows past it."""
    machine = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        body = machine.decompress(packed, limits.body + 1)
    except zlib.error as error:
        raise BadBody(400, f"the body is not gzip: {error}") from None
    if len(body) > limits.body:
        raise BadBody(413, f"unpacked, the body has more than the {limits.body} bytes that are taken")
    if not machine.eof:
        raise BadBody(400, "the gzip body ends early")
    return body
