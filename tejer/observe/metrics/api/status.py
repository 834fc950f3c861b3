"""The server about itself: `/api/v1/status/*`, `/-/healthy`, `/-/ready`, `/-/reload`, `/metrics`.

Rules, alerts and Alertmanagers are answered as the empty lists they are: none is evaluated here.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from tejer.kube.dump import to_yaml
from tejer.kube.manifest import load_value
from tejer.kube.version import VERSION
from tejer.observe.metrics.api.answer import bad_data, moment, success
from tejer.observe.metrics.current import CurrentConfig
from tejer.observe.metrics.loading import ConfigError
from tejer.observe.metrics.scrape.pool import Pool
from tejer.observe.metrics.selfmetrics import own_metrics

SPEAKS = "2.42.0"
"""The version of Prometheus whose answers ours are compared with."""
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_SECRET = "<secret>"  # noqa: S105 - what is shown instead of one
_SECRETS = frozenset(
    ("password", "credentials", "bearer_token", "secrets", "client_secret", "secret_key", "key", "proxy_connect_header")
)
_URLS = frozenset(("url", "proxy_url"))


class StoreStatus(Protocol):
    """What the store says of itself."""

    def problems(self) -> list[str]:
        """Why samples may be missing or lost: a full disk, a damaged file. Empty while all is well."""
        ...

    def head_stats(self) -> dict[str, int]:
        """`numSeries`, `numLabelPairs`, `chunkCount`, `minTime`, `maxTime` (milliseconds)."""
        ...

    def cardinality(self, limit: int) -> dict[str, list[tuple[str, int]]]:
        """The largest `seriesCountByMetricName`, `labelValueCountByLabelName`, `memoryInBytesByLabelName`,
        `seriesCountByLabelValuePair`, each as (name, value), at most `limit` of each."""
        ...


@dataclass(frozen=True)
class About:
    """What the routes tell of. `flags` are the command line's settings by name."""

    current: CurrentConfig
    pools: Callable[[], Mapping[str, Pool]]
    store: StoreStatus
    flags: Mapping[str, str]
    started: int
    retention: str


def status_routes(about: About) -> list[web.RouteDef]:
    async def on_reload(_: web.Request) -> web.Response:
        try:
            await about.current.reload()
        except ConfigError as error:
            return web.Response(status=500, text=f"failed to reload config: {error}\n")
        return web.Response()

    async def on_config(_: web.Request) -> web.Response:
        return success({"yaml": without_secrets(about.current.loaded.text)})

    async def on_runtime(_: web.Request) -> web.Response:
        return success(_runtime(about))

    async def on_tsdb(request: web.Request) -> web.Response:
        text = request.query.get("limit", "10")
        if not text.isdecimal() or not 1 <= int(text) <= 10_000:
            return bad_data("limit must be a number between 1 and 10000")
        return success(_tsdb(about.store, int(text)))

    async def on_metrics(_: web.Request) -> web.Response:
        store = about.store
        head = {**store.head_stats(), "problems": len(store.problems())}
        text = own_metrics(about.pools(), about.current, head, about.started)
        return web.Response(text=text, headers={"Content-Type": _TEXT})

    return [
        web.get("/-/healthy", _plain("Prometheus Server is Healthy.\n")),
        web.get("/-/ready", _plain("Prometheus Server is Ready.\n")),
        web.post("/-/reload", on_reload),
        web.put("/-/reload", on_reload),
        web.get("/metrics", on_metrics),
        web.get("/api/v1/status/config", on_config),
        web.get("/api/v1/status/flags", _fixed(dict(about.flags))),
        web.get("/api/v1/status/runtimeinfo", on_runtime),
        web.get("/api/v1/status/buildinfo", _fixed(build_info())),
        web.get("/api/v1/status/tsdb", on_tsdb),
        web.get("/api/v1/status/walreplay", _fixed({"min": 0, "max": 0, "current": 0, "state": "done"})),
        web.get("/api/v1/rules", _fixed({"groups": []})),
        web.get("/api/v1/alerts", _fixed({"alerts": []})),
        web.get("/api/v1/alertmanagers", _fixed({"activeAlertmanagers": [], "droppedAlertmanagers": []})),
    ]


def _fixed(data: Any) -> Callable[[web.Request], Any]:
    async def handler(_: web.Request) -> web.Response:
        return success(data)

    return handler


def _plain(text: str) -> Callable[[web.Request], Any]:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=text)

    return handler


def _runtime(about: About) -> dict[str, Any]:
    return {
        "startTime": moment(about.started),
        "CWD": str(Path.cwd()),
        "reloadConfigSuccess": not about.current.problem,
        "lastConfigTime": moment(about.current.loaded_at),
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": os.cpu_count() or 1,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": about.retention,
        "storageProblems": about.store.problems(),
    }


def build_info() -> dict[str, str]:
    """`version` leads with the Prometheus version we answer like: clients choose their features by it."""
    return {
        "version": f"{SPEAKS}+tejer.{VERSION}",
        "revision": VERSION,
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
    }


def _tsdb(store: StoreStatus, limit: int) -> dict[str, Any]:
    tables = {
        name: [{"name": key, "value": value} for key, value in rows] for name, rows in store.cardinality(limit).items()
    }
    return {"headStats": store.head_stats(), **tables}


def without_secrets(text: str) -> str:
    """The configuration as it may be shown: every secret, and user and password in URLs, as `<secret>`."""
    try:
        value = load_value(text)
    except ValueError:
        return ""
    return to_yaml(_masked(value)) if value else ""


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for name, item in value.items():
        if name in _SECRETS and item:
            shown[name] = _SECRET
        elif name in _URLS and isinstance(item, str) and "@" in item:
            scheme, _, rest = item.partition("://")
            shown[name] = f"{scheme}://{_SECRET}@{rest.rpartition('@')[2]}"
        else:
            shown[name] = _masked(item)
    return shown
