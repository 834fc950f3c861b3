"""A panel evaluated against its data sources: the shell around the pure parts.

One panel is one request of the page. Its queries run side by side, and the answer says for each what was asked, how
long it took and what went wrong, so the page's inspector never has to guess.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from tejer.observe.dashboards import richtext, timing, variables
from tejer.observe.dashboards.frames import MAX_SERIES, Frame, count, series_frames, table_frame
from tejer.observe.dashboards.links import filled, readable, with_links
from tejer.observe.dashboards.model import Link, Panel, Part, Target
from tejer.observe.dashboards.patterns import PatternError
from tejer.observe.dashboards.prometheus import Prometheus, QueryError
from tejer.observe.dashboards.sources import Sources
from tejer.observe.dashboards.timing import Range
from tejer.observe.dashboards.variables import FormatError, Scope, Value
from tejer.observe.dashboards.views import Text, View, view

MIN_POINTS, MAX_POINTS = 20, 4000
_DEFAULT_SCRAPE = 15_000


class Asked(Part, frozen=True):
    """One query as it was sent. Milliseconds; `step` is 0 for an instant query; `status` is HTTP's."""

    ref_id: str
    expr: str
    datasource: str = ""
    step: int = 0
    took: float = 0
    series: int = 0
    status: int = 200
    error: str = ""


class PanelAnswer(Part, frozen=True):
    """`notices` tells what the panel doesn't show for a limit of ours."""

    title: str
    start: int
    end: int
    view: View | None = None
    queries: tuple[Asked, ...] = ()
    links: tuple[Link, ...] = ()
    notices: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Page:
    """What all panels of one page share: the dashboard's title, its variables' values, its range, the data sources."""

    title: str
    scope: Scope
    span: Range
    sources: Sources


async def evaluate(panel: Panel, page: Page, width: int) -> PanelAnswer:
    """What the panel shows now, `width` pixels wide. Problems of queries are in `queries`, its own in `error`."""
    span = page.span
    if back := timing.duration(panel.time_from):
        span = Range(span.end - back, span.end)
    answer = PanelAnswer(
        title=readable(panel.title, page.scope), start=span.start, end=span.end,
        links=tuple(filled(link, page.scope, span) for link in panel.links),
    )  # fmt: skip
    if panel.kind == "text":
        content = readable(str(panel.options.get("content", "")), page.scope)
        html = richtext.to_html(str(panel.options.get("mode")), content)
        return msgspec.structs.replace(answer, view=Text(html=html))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_ask(target, panel, page, span, width)) for target in panel.targets]
    answered = [task.result() for task in tasks]
    frames = [frame for found, _ in answered for frame in found]
    asked = tuple(one for _, one in answered)
    shown, error = None, ""
    try:
        shown = await asyncio.to_thread(view, with_links(panel, page.scope, span), frames)
    except PatternError as problem:
        error = str(problem)
    return msgspec.structs.replace(answer, view=shown, error=error, queries=asked, notices=_notices(asked))


def _notices(asked: tuple[Asked, ...]) -> tuple[str, ...]:
    return tuple(
        f"{one.ref_id}: {one.series:,} series, of which {MAX_SERIES:,} are drawn"
        for one in asked
        if one.series > MAX_SERIES
    )


async def _ask(target: Target, panel: Panel, page: Page, span: Range, width: int) -> tuple[list[Frame], Asked]:
    started = time.perf_counter()
    asked = Asked(ref_id=target.ref_id, expr=target.expr)
    frames: list[Frame] = []
    try:
        source = page.sources.find(target.datasource, page.scope)
        expr, step = _written(target, panel, page, span, width, source)
        asked = msgspec.structs.replace(asked, expr=expr, step=step, datasource=source.source.name)
        data = await _answer(source, expr, span, step)
        asked = msgspec.structs.replace(asked, series=count(data))
        frames = _frames(target, panel, page.scope, data, step)
    except (QueryError, FormatError) as error:
        status = error.status if isinstance(error, QueryError) else 400
        asked = msgspec.structs.replace(asked, status=status, error=str(error))
    took = round((time.perf_counter() - started) * 1000, 1)
    return frames, msgspec.structs.replace(asked, took=took)


def _written(target: Target, panel: Panel, page: Page, span: Range, width: int, source: Prometheus) -> tuple[str, int]:
    """The expression with its variables put in, and the step to ask it with: 0 for the last values only."""
    scrape = timing.duration(source.source.scrape_interval) or _DEFAULT_SCRAPE
    points = min(max(panel.max_points or width, MIN_POINTS), MAX_POINTS)
    least = variables.for_query(target.interval or panel.interval, {**page.scope, **_least(scrape)})
    pace = timing.pace(span, points, least, scrape=scrape, factor=target.interval_factor)
    expr = variables.for_query(target.expr, {**page.scope, **variables.built_in(span, pace, page.title)})
    return expr, pace.step if target.range else 0


def _least(scrape: int) -> dict[str, Value]:
    """In a query's least interval `$__interval` and `$__rate_interval` mean the scrape's."""
    return {"__interval": Value((timing.spell(scrape),)), "__rate_interval": Value((timing.spell(4 * scrape),))}


async def _answer(source: Prometheus, expr: str, span: Range, step: int) -> Any:
    if not step:
        return await source.query(expr, span.end)
    asked = timing.aligned(span, step)
    return await source.query_range(expr, asked.start, asked.end, step)


def _frames(target: Target, panel: Panel, scope: Scope, data: Any, step: int) -> list[Frame]:
    if target.format == "table":
        several = sum(other.format == "table" for other in panel.targets) > 1
        frames = [table_frame(target, data, several)]
    else:
        frames = series_frames(msgspec.structs.replace(target, legend=readable(target.legend, scope)), data, step)
    return [frame for frame in frames if frame.length]
