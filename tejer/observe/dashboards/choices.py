"""What a variable can be: its query planned as a call to Prometheus, and the answer turned into options. Pure.

Source: grafana.com/docs/grafana/latest/datasources/prometheus/template-variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tejer.observe.dashboards.model import ALL, Variable
from tejer.observe.dashboards.patterns import Pattern
from tejer.observe.dashboards.variables import Value, references

MAX_OPTIONS = 2000
_LABEL_VALUES = re.compile(r"^label_values\((?:(.+),\s*)?([a-zA-Z_$][\w$]*)\)\s*$", re.DOTALL)
_LABEL_NAMES = re.compile(r"^label_names\((.*)\)\s*$", re.DOTALL)
_METRICS = re.compile(r"^metrics\((.+)\)\s*$", re.DOTALL)
_QUERY_RESULT = re.compile(r"^query_result\((.+)\)\s*$", re.DOTALL)
_COMMA = re.compile(r"(?<!\\),")


class ChoiceError(ValueError):
    """A variable whose choices can't be found out, and why."""


@dataclass(frozen=True)
class Option:
    value: str
    text: str


@dataclass(frozen=True)
class Call:
    """One call of Prometheus' API: the values of `label` among series that `match` selects, or an instant query."""

    what: Literal["label_values", "label_names", "query", "series"]
    label: str = ""
    match: str = ""
    pattern: str = ""


def plan(query: str) -> Call:
    """A variable's query, its own variables already put in → the call that answers it."""
    query = query.strip()
    if found := _LABEL_VALUES.match(query):
        return Call("label_values", label=found[2], match=(found[1] or "").strip())
    if found := _LABEL_NAMES.match(query):
        return Call("label_names", match=found[1].strip())
    if found := _METRICS.match(query):
        return Call("label_values", label="__name__", pattern=found[1].strip())
    if found := _QUERY_RESULT.match(query):
        return Call("query", match=found[1].strip())
    if not query:
        raise ChoiceError("its query is empty")
    return Call("series", match=query)


def listed(call: Call, data: object) -> list[str]:
    """The `data` of Prometheus' answer → texts as Grafana spells them: a query's result as `name{a="b"} value time`."""
    if call.what in ("label_values", "label_names"):
        names = [str(one) for one in data] if isinstance(data, list) else []
        return _matching(call.pattern, names) if call.pattern else names
    if call.what == "series":
        return [_spelled(one) for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list):
        return []
    if isinstance(data, dict) and data.get("resultType") == "scalar":
        return [str(result[1])] if len(result) == 2 else []
    return [
        f"{_spelled(one.get('metric', {}))} {one['value'][1]} {int(float(one['value'][0]) * 1000)}"
        for one in result
        if isinstance(one, dict) and isinstance(one.get("value"), list) and len(one["value"]) == 2
    ]


def _spelled(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return labels.get("__name__", "") + "{" + inner + "}"


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    compiled = Pattern(pattern)
    return [name for name in names if compiled.matches(name)]


def options(variable: Variable, found: Sequence[str]) -> list[Option]:
    """What the user chooses from: filtered and cut by the variable's regex, sorted, each once."""
    listed_options = _by_regex(variable.regex, found) if variable.regex else [Option(one, one) for one in found]
    unique = list(dict.fromkeys(listed_options))
    return _sorted(unique, variable.sort)[:MAX_OPTIONS]


def _by_regex(pattern: str, found: Sequence[str]) -> list[Option]:
    """Grafana's rules: the group `value` (and `text`) if named, else the first group, else the whole match."""
    compiled = Pattern(pattern)
    chosen: list[Option] = []
    for one in found:
        match = compiled.search(one)
        if match is None:
            continue
        groups = match.groupdict()
        value = groups.get("value") or groups.get("text") or (match.group(1) if compiled.groups else match.group())
        if value is not None:
            chosen.append(Option(value, groups.get("text") or value))
    return chosen


def _sorted(found: list[Option], how: int) -> list[Option]:
    """0 as it came; 1, 2 by text; 3, 4 by number; 5 to 8 by text whatever the case; even ones descend."""
    if how == 0:
        return found

    def key(option: Option) -> tuple[float, str]:
        if how in (1, 2):
            return 0, option.text
        if how in (3, 4):
            digits = re.search(r"\d+(\.\d+)?", option.text)
            return (float(digits.group()) if digits else -1), option.text
        return 0, option.text.lower()

    return sorted(found, key=key, reverse=how % 2 == 0)


def fixed_options(variable: Variable, datasources: Sequence[str] = ()) -> list[Option] | None:
    """The options of a variable that asks nobody; None for a query."""
    if variable.kind == "query":
        return None
    if variable.kind == "datasource":
        kept = _matching(variable.regex, datasources) if variable.regex else datasources
        return [Option(name, name) for name in kept]
    if variable.kind in ("constant", "textbox"):
        value = variable.current[0] if variable.kind == "textbox" and variable.current else variable.query
        return [Option(value, value)]
    parts = [part.strip().replace("\\,", ",") for part in _COMMA.split(variable.query)]
    found = []
    for part in parts[:MAX_OPTIONS]:
        text, colon, value = part.partition(" : ")
        if part:
            found.append(Option(value.strip() if colon else part, text.strip() if colon else part))
    return found


def chosen(variable: Variable, found: Sequence[Option], wanted: Sequence[str] | None) -> Value:
    """The value now: what the user wants, else what the dashboard was saved with, else the first option.

    A wanted value that isn't among the options is kept (a link may point to a workload that has gone), as in Grafana;
    a saved one isn't.
    """
    several = variable.multi or variable.include_all
    by_value = {option.value: option.text for option in found}
    values = tuple(wanted) if wanted else tuple(one for one in variable.current if one in by_value or one == ALL)
    if variable.kind in ("constant", "textbox") and wanted is None:
        values = tuple(option.value for option in found)
    if not variable.multi:
        values = values[:1]
    if (ALL in values or (values == ("All",) and "All" not in by_value)) and variable.include_all:
        if variable.all_value:
            return Value((variable.all_value,), listed=True, verbatim=True, is_all=True)
        return Value(tuple(by_value) or (".*",), listed=True, verbatim=not by_value, is_all=True)
    values = tuple(one for one in values if one != ALL)
    if not values and variable.include_all and wanted is None and not variable.current and not found:
        return Value((variable.all_value or ".*",), listed=True, verbatim=True, is_all=True)
    if not values:
        values = tuple(option.value for option in found[:1])
    labels = tuple(by_value.get(one, one) for one in values)
    return Value(values or ("",), labels, listed=several, verbatim=not several and variable.kind != "query")


def in_order(variables: Sequence[Variable]) -> list[Variable]:
    """Each after those its query mentions. Raises ChoiceError when they mention each other in a circle."""
    names = {variable.name: variable for variable in variables}
    ordered: dict[str, Variable] = {}

    def visit(variable: Variable, path: tuple[str, ...]) -> None:
        if variable.name in path:
            raise ChoiceError(f"variables need each other: {' → '.join((*path, variable.name))}")
        if variable.name not in ordered:
            for name in sorted(references(f"{variable.query} {variable.regex} {variable.datasource}") & set(names)):
                if name != variable.name:
                    visit(names[name], (*path, variable.name))
            ordered[variable.name] = variable

    for variable in variables:
        visit(variable, ())
    return list(ordered.values())
