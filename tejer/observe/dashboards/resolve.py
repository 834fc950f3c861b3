"""A dashboard's variables: their options, asked of the data sources, and their values now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from tejer.observe.dashboards import choices, timing, variables
from tejer.observe.dashboards.choices import ChoiceError, Option
from tejer.observe.dashboards.model import ALL, Dashboard, Part, Variable
from tejer.observe.dashboards.patterns import PatternError
from tejer.observe.dashboards.prometheus import QueryError
from tejer.observe.dashboards.sources import Sources
from tejer.observe.dashboards.timing import Range
from tejer.observe.dashboards.variables import FormatError, Scope, Value

Wanted = Mapping[str, Sequence[str]]
"""What the address says: `var-NAME=value`, several times where several are chosen."""
_USUAL_POINTS = 1000


class VariableAnswer(Part, frozen=True):
    """`values` as they stand in an address; `error` says why there are no options."""

    name: str
    options: tuple[dict[str, str], ...] = ()
    values: tuple[str, ...] = ()
    text: str = ""
    error: str = ""


async def resolve(
    dashboard: Dashboard, wanted: Wanted, span: Range, sources: Sources
) -> tuple[dict[str, Value], list[VariableAnswer]]:
    """Every variable's value, in the order they need each other, and what the page's bar shows, in the dashboard's."""
    scope = variables.built_in(span, timing.pace(span, _USUAL_POINTS), dashboard.title)
    answers: dict[str, VariableAnswer] = {}
    circle = ""
    try:
        ordered = choices.in_order(dashboard.variables)
    except ChoiceError as error:
        ordered, circle = list(dashboard.variables), str(error)
    for variable in ordered:
        found: list[Option] = []
        problem = circle
        if not circle:
            try:
                found = await _options(variable, scope, span, sources)
            except (ChoiceError, PatternError, QueryError, FormatError) as error:
                problem = str(error)
        value = choices.chosen(variable, found, wanted.get(variable.name))
        scope[variable.name] = value
        answers[variable.name] = VariableAnswer(
            name=variable.name,
            options=tuple({"value": option.value, "text": option.text} for option in found),
            values=(ALL,) if value.is_all else value.values,
            text=value.text,
            error=problem,
        )
    return scope, [answers[variable.name] for variable in dashboard.variables]


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
