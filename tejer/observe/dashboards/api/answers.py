"""JSON answers, and refusals in Grafana's shape: `{"message": …}`."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web


def answer(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def refused(status: int, message: str) -> web.Response:
    return answer(
        {"message": message, "status": {404: "not-found", 412: "precondition-failed"}.get(status, "error")}, status
    )
