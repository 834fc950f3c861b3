"""An HTTP/1.1 server that describes each request in JSON, and misbehaves when the path asks it to."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

from aiohttp import web

PROBES = ("health", "ready")


class Echo:
    """`/status/N` answers N; `/delay/S` waits; `/flaky/N/ID` fails the first N of ID; `/reset` hangs up.

    `/seen` tells how often each path came; after `/die`, `/health` answers 500; between
    `/break` and `/mend` everything else does. With HANGS in the environment only probes are answered.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: Counter[str] = Counter()
        self.dead = self.broken = False

    def describe(self, request: web.Request, status: int = 200) -> web.Response:
        body = {
            "pod": self.name,
            "method": request.method,
            "path": request.path_qs,
            "scheme": request.scheme,
            "version": f"{request.version.major}.{request.version.minor}",
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        return web.json_response(body, status=status, headers={"x-pod": self.name, "x-internal": "secret"})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen[request.path] += 1
        await request.read()
        parts = request.path.strip("/").split("/")
        if "HANGS" in os.environ and parts[0] not in PROBES:
            await asyncio.sleep(30)
        match parts[0]:
            case "status":
                return self.describe(request, int(parts[1]))
            case "delay":
                await asyncio.sleep(float(parts[1]))
            case "flaky" if self.seen[request.path] <= int(parts[1]):
                return self.describe(request, 503)
            case "reset" if request.transport is not None:
                request.transport.abort()
            case "seen":
                return web.json_response(dict(self.seen))
            case "health" if self.dead:
                return web.Response(status=500)
            case "die":
                self.dead = True
            case "break" | "mend":
                self.broken = parts[0] == "break"
            case _ if self.broken and parts[0] not in PROBES:
                return self.describe(request, 500)
        return self.describe(request)


def application(name: str) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Echo(name).answer)
    return app
