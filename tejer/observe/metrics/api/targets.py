"""What is scraped and how it does: `/api/v1/targets`, `/scrape_pools`, `/targets/metadata`, `/metadata`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from tejer.observe.metrics.api.answer import bad_data, count, moment, success
from tejer.observe.metrics.scalars import format_milliseconds
from tejer.observe.metrics.scrape.loop import ScrapeLoop
from tejer.observe.metrics.scrape.pool import Pool
from tejer.observe.metrics.scrape.record import Metadata
from tejer.observe.metrics.series import Labels, Matcher
from tejer.observe.metrics.store.matching import acceptor

STATES = ("active", "dropped", "any")
Pools = Mapping[str, Pool]


ReadMatchers = Callable[[str], Sequence[Matcher]]
"""A selector such as `{job="pods"}`. Raises ValueError."""


def target_routes(pools: Callable[[], Pools], read_matchers: ReadMatchers) -> list[web.RouteDef]:
    """`pools()` are the jobs as they are when asked."""

    async def on_targets(request: web.Request) -> web.Response:
        state = request.query.get("state", "any").lower()
        if state not in STATES:
            return bad_data(f"state must be one of {', '.join(STATES)}")
        return success(targets(pools(), state, request.query.get("scrapePool", "")))

    async def on_pools(_: web.Request) -> web.Response:
        return success({"scrapePools": sorted(pools())})

    async def on_target_metadata(request: web.Request) -> web.Response:
        query = request.query
        try:
            limit = count(query.get("limit", ""), "limit")
            fits = fitting(read_matchers(query["match_target"]) if query.get("match_target") else ())
        except ValueError as error:
            return bad_data(str(error))
        found = [
            row for loop in loops(pools()) if fits(loop.target.labels) for row in _rows(loop, query.get("metric", ""))
        ]
        return success(found if limit is None or limit < 0 else found[:limit])

    async def on_metadata(request: web.Request) -> web.Response:
        query = request.query
        try:
            limit = count(query.get("limit", ""), "limit")
            per_metric = count(query.get("limit_per_metric", ""), "limit_per_metric")
        except ValueError as error:
            return bad_data(str(error))
        return success(metadata(pools(), query.get("metric", ""), limit, per_metric))

    return [
        web.get("/api/v1/targets", on_targets),
        web.get("/api/v1/scrape_pools", on_pools),
        web.get("/api/v1/targets/metadata", on_target_metadata),
        web.get("/api/v1/metadata", on_metadata),
    ]


def fitting(matchers: Sequence[Matcher]) -> Callable[[Labels], bool]:
    """Whether labels fit all of `matchers`. Raises ValueError for a bad regular expression."""
    conditions = [(matcher.name, acceptor(matcher)) for matcher in matchers]

    def fits(labels: Labels) -> bool:
        values = dict(labels)
        return all(accept(values.get(name, "")) for name, accept in conditions)

    return fits


def loops(pools: Pools) -> Iterator[ScrapeLoop]:
    for pool in pools.values():
        yield from pool.loops.values()


def targets(pools: Pools, state: str = "any", pool: str = "") -> dict[str, Any]:
    """The `data` of /api/v1/targets."""
    chosen = {name: each for name, each in pools.items() if not pool or name == pool}
    active = [_active(loop) for loop in loops(chosen)] if state != "dropped" else []
    dropped: list[dict[str, Any]] = []
    if state != "active":
        dropped = [
            {"discoveredLabels": dict(labels), "scrapePool": name}
            for name, each in chosen.items()
            for labels in each.dropped
        ]
    counts = {name: each.dropped_count for name, each in chosen.items()}
    return {"activeTargets": active, "droppedTargets": dropped, "droppedTargetCounts": counts}


def _active(loop: ScrapeLoop) -> dict[str, Any]:
    target = loop.target
    return {
        "discoveredLabels": dict(loop.discovered),
        "labels": dict(target.labels),
        "scrapePool": str(loop.job.job_name),
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": loop.last_error,
        "lastScrape": moment(loop.last_scrape),
        "lastScrapeDuration": loop.last_seconds,
        "health": loop.health,
        "scrapeInterval": format_milliseconds(target.interval),
        "scrapeTimeout": format_milliseconds(target.timeout),
    }


def _rows(loop: ScrapeLoop, metric: str) -> Iterator[dict[str, Any]]:
    known = loop.recorder.metadata
    chosen = {metric: known[metric]} if metric in known else {} if metric else known
    for name, about in chosen.items():
        named = {} if metric else {"metric": name}
        yield {"target": dict(loop.target.labels), **named, **_about(about)}


def metadata(pools: Pools, metric: str = "", limit: int | None = None, per_metric: int | None = None) -> dict[str, Any]:
    """The `data` of /api/v1/metadata: what targets say of each family, each different saying once."""
    families: dict[str, list[Metadata]] = {}
    for loop in loops(pools):
        known = loop.recorder.metadata
        for name in [metric] if metric else known:
            if name not in known:
                continue
            if name not in families and limit is not None and 0 <= limit <= len(families):
                continue
            said = families.setdefault(name, [])
            room = per_metric is None or per_metric <= 0 or len(said) < per_metric
            if room and known[name] not in said:
                said.append(known[name])
    return {name: [_about(about) for about in said] for name, said in families.items()}


def _about(about: Metadata) -> dict[str, str]:
    return {"type": about.type or "unknown", "help": about.help, "unit": about.unit}
