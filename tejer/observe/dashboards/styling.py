"""Which style a field ends with: the panel's, changed by each override that matches it. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from tejer.observe.dashboards.frames import Field
from tejer.observe.dashboards.model import Matcher, Override, Style
from tejer.observe.dashboards.patterns import Pattern
from tejer.observe.dashboards.reduce import REDUCERS, reduce

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt, "eq": operator.eq, "neq": operator.ne,
}  # fmt: skip
_NAME_PARTS = re.compile(r"\$\{__(field\.labels|field|series)(?:\.([\w.]+))?\}")


@dataclass(frozen=True)
class Subject:
    """What matchers look at: a column, the query it came from, and the name it would have."""

    field: Field
    ref_id: str
    name: str


def style_of(subject: Subject, style: Style, overrides: Sequence[Override]) -> tuple[str, Style]:
    """The name to show, and the style. Raises PatternError for an override's pattern that can't be used."""
    for override in overrides:
        if _matches(override.matcher, subject):
            style = msgspec.structs.replace(style, **override.changes)
    return _display_name(style.display_name, subject), style


def _matches(matcher: Matcher, subject: Subject) -> bool:
    names = (subject.field.name, subject.name)
    if matcher.kind == "byName":
        return matcher.text in names
    if matcher.kind == "byNames":
        return any(name in matcher.names for name in names)
    if matcher.kind == "byRegexp":
        pattern = Pattern(matcher.text)
        return any(pattern.matches(name) for name in names)
    if matcher.kind == "byFrameRefID":
        return matcher.text == subject.ref_id
    if matcher.kind == "byType":
        return matcher.text == subject.field.kind
    if subject.field.kind != "number" or matcher.reducer not in REDUCERS:
        return False
    reduced = reduce(matcher.reducer, subject.field.values)
    if matcher.reducer in ("allIsZero", "allIsNull") and not matcher.op:
        return bool(reduced)
    compare = _OPERATORS.get(matcher.op)
    return compare is not None and reduced is not None and compare(reduced, matcher.value)


def _display_name(template: str, subject: Subject) -> str:
    if not template:
        return subject.name

    def part(found: re.Match[str]) -> str:
        if found[1] == "field.labels":
            return subject.field.labels.get(found[2] or "", "")
        return subject.field.name if found[2] == "name" and found[1] == "field" else subject.name

    return _NAME_PARTS.sub(part, template)
