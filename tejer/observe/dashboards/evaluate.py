"""Panels and variables evaluated against their data sources: the shell around the pure parts.

One panel is one request of the page: its queries run side by side, and the answer says for each what was asked, for how
long, and what went wrong, so the page's inspector never has to guess.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tejer.observe.dashboards import choices, richtext, timing, variables
from tejer.observe.dashboards.choices import ChoiceError, Option
from tejer.observe.dashboards.frames import MAX_SERIES, Frame, count, series_frames, table_frame
from tejer.observe.dashboards.model import ALL, Dashboard, Link, Panel, Part, Target, Variable
from tejer.observe.dashboards.patterns import PatternError
from tejer.observe.dashboards.prometheus import Prometheus, QueryError
from tejer.observe.dashboards.timing import Range
from tejer.observe.dashboards.variables import FormatError, Scope, Value
from tejer.observe.dashboards.views import Text, View, view

MIN_POINTS, MAX_POINTS = 20, 4000
Wanted = Mapping[str, Sequence[str]]
"""What the address says: `var-NAME=value`, several times where several are chosen."""


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


class VariableAnswer(Part, frozen=True):
    name: str
    options: tuple[dict[str, str], ...] = ()
    values: tuple[str, ...] = ()
    text: str = ""
    error: str = ""


@dataclass
class Sources:
    """The data sources by name and uid; `default` is the one for panels that name none of ours."""

    all: Sequence[Prometheus]
    default: Prometheus
    _by_name: dict[str, Prometheus] = field(init=False)

    def __post_init__(self) -> None:
        self._by_name = {key: one for one in self.all for key in (one.source.name, one.source.uid)}

    def find(self, name: str, scope: Scope) -> Prometheus:
        """The one called `name`, which may be a variable. A dashboard brought from elsewhere names sources that don't
        exist here (`${DS_PROMETHEUS}`, a foreign uid): Grafana asks on import, we take the default."""
        return self._by_name.get(variables.for_reader(name, scope), self.default)

    def names(self) -> list[str]:
        return [one.source.name for one in self.all if one.source.kind == "prometheus"]


async def resolve(
    dashboard: Dashboard, wanted: Wanted, span: Range, sources: Sources
) -> tuple[dict[str, Value], list[VariableAnswer]]:
    """Every variable's options and value, in the order they need each other."""
    scope: dict[str, Value] = dict(variables.built_in(span, timing.pace(span, 1000), dashboard.title))
    answers: dict[str, VariableAnswer] = {}
    try:
        ordered = choices.in_order(dashboard.variables)
    except ChoiceError as error:
        ordered = list(dashboard.variables)
        answers = {one.name: VariableAnswer(name=one.name, error=str(error)) for one in ordered}
    for variable in ordered:
        found: list[Option] = []
        problem = answers[variable.name].error if variable.name in answers else ""
        if not problem:
            try:
                found = await _options(variable, scope, span, sources)
            except (ChoiceError, PatternError, QueryError, FormatError) as error:
                problem = str(error)
        value = choices.chosen(variable, found, wanted.get(variable.name))
        scope[variable.name] = value
        answers[variable.name] = _variable_answer(variable, found, value, problem)
    return scope, [answers[variable.name] for variable in dashboard.variables]


def _variable_answer(variable: Variable, found: Sequence[Option], value: Value, problem: str) -> VariableAnswer:
    values = (ALL,) if value.is_all else value.values
    options = tuple({"value": option.value, "text": option.text} for option in found)
    return VariableAnswer(name=variable.name, options=options, values=values, text=value.text, error=problem)


async def _options(variable: Variable, scope: Scope, span: Range, sources: Sources) -> list[Option]:
    fixed = choices.fixed_options(variable, sources.names())
    if fixed is not None:
        return fixed
    call = choices.plan(variables.for_query(variable.query, scope))
    source = sources.find(variable.datasource, scope)
    if call.what == "query":
        data = await source.query(call.match, span.end)
    elif call.what == "label_values":
        data = await source.label_values(call.label, call.match, span.start, span.end)
    elif call.what == "label_names":
        data = await source.label_names(call.match, span.start, span.end)
    else:
        data = await source.series(call.match, span.start, span.end)
    return await asyncio.to_thread(choices.options, variable, choices.listed(call, data))


async def evaluate(
    dashboard: Dashboard, panel: Panel, scope: Scope, span: Range, width: int, sources: Sources
) -> PanelAnswer:
    """What the panel shows now. Problems of single queries are in `queries`; those of the panel in `error`."""
    title = _readable(panel.title, scope)
    if panel.time_from and (back := timing.duration(panel.time_from)):
        span = Range(span.end - back, span.end)
    if panel.kind == "text":
        content = variables.for_reader(str(panel.options.get("content", "")), scope)
        html = richtext.to_html(str(panel.options.get("mode")), content)
        return PanelAnswer(title=title, start=span.start, end=span.end, view=Text(html=html))
    points = min(max(panel.max_points or width, MIN_POINTS), MAX_POINTS)
    several = sum(1 for target in panel.targets if target.format == "table") > 1
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_ask(dashboard, panel, target, scope, span, points, several, sources))
            for target in panel.targets
        ]
    answered = [task.result() for task in tasks]
    frames = [frame for found, _ in answered for frame in found]
    asked = tuple(one for _, one in answered)
    notices = tuple(
        f"{one.ref_id}: {one.series:,} series, the first {MAX_SERIES:,} are drawn"
        for one in asked
        if one.series > MAX_SERIES
    )
    shown, error = None, ""
    try:
        shown = await asyncio.to_thread(view, _with_scope(panel, scope, span), frames)
    except PatternError as problem:
        error = str(problem)
    return PanelAnswer(
        title=title, start=span.start, end=span.end, view=shown, queries=asked, notices=notices, error=error,
        links=tuple(_link(link, scope, span) for link in panel.links),
    )  # fmt: skip


async def _ask(
    dashboard: Dashboard,
    panel: Panel,
    target: Target,
    scope: Scope,
    span: Range,
    points: int,
    several: bool,
    sources: Sources,
) -> tuple[list[Frame], Asked]:
    source = sources.find(target.datasource, scope)
    scrape = timing.duration(source.source.scrape_interval) or 15_000
    expr, step = target.expr, 0
    started = time.perf_counter()
    try:
        least = variables.for_query(target.interval or panel.interval, {**scope, **_minimum(scrape)})
        pace = timing.pace(span, points, least, scrape=scrape, factor=target.interval_factor)
        own = variables.built_in(span, pace, dashboard.title)
        expr = variables.for_query(target.expr, {**scope, **own})
        if target.instant and not target.range:
            data = await source.query(expr, span.end)
        else:
            step = pace.step
            asked = timing.aligned(span, step)
            data = await source.query_range(expr, asked.start, asked.end, step)
    except (QueryError, FormatError) as error:
        status = error.status if isinstance(error, QueryError) else 400
        return [], _record(target, expr, source, step, started, status=status, error=str(error))
    target = msgspec.structs.replace(target, legend=_readable(target.legend, scope))
    is_table = target.format == "table"
    frames = [table_frame(target, data, several)] if is_table else series_frames(target, data, step)
    frames = [frame for frame in frames if frame.length]
    return frames, _record(target, expr, source, step, started, series=count(data))


def _minimum(scrape: int) -> dict[str, Value]:
    """In a query's least interval `$__rate_interval` and `$__interval` mean the scrape's."""
    text = timing.spell(scrape)
    return {"__interval": Value((text,)), "__rate_interval": Value((timing.spell(4 * scrape),))}


def _record(
    target: Target,
    expr: str,
    source: Prometheus,
    step: int,
    started: float,
    series: int = 0,
    status: int = 200,
    error: str = "",
) -> Asked:
    took = round((time.perf_counter() - started) * 1000, 1)
    return Asked(
        ref_id=target.ref_id, expr=expr, datasource=source.source.name, step=step, took=took, series=series,
        status=status, error=error,
    )  # fmt: skip


def _readable(text: str, scope: Scope) -> str:
    try:
        return variables.for_reader(text, scope)
    except FormatError:
        return text


def _with_scope(panel: Panel, scope: Scope, span: Range) -> Panel:
    """Links in cells with the dashboard's variables put in; those of the row follow where the row is known."""

    def style(links: tuple[Link, ...]) -> tuple[Link, ...]:
        return tuple(_link(link, scope, span) for link in links)

    overrides = tuple(
        msgspec.structs.replace(one, changes={**one.changes, "links": style(one.changes["links"])})  # type: ignore[arg-type]
        if "links" in one.changes
        else one
        for one in panel.overrides
    )
    own = msgspec.structs.replace(panel.style, links=style(panel.style.links))
    return msgspec.structs.replace(panel, style=own, overrides=overrides)


def _link(link: Link, scope: Scope, span: Range) -> Link:
    url = link.url.replace("${__url_time_range}", f"from={span.start}&to={span.end}").replace(
        "$__url_time_range", f"from={span.start}&to={span.end}"
    )
    url = url.replace("${__all_variables}", variables.url_variables(scope)).replace(
        "$__all_variables", variables.url_variables(scope)
    )
    try:
        url = variables.for_url(url, scope)
    except FormatError:
        url = ""
    return msgspec.structs.replace(link, url=url, title=_readable(link.title, scope))
