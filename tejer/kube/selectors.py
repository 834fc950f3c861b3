"""Label and field selectors: the text form of queries, and `LabelSelector` objects.

Source: Kubernetes' `apimachinery/pkg/labels` and `pkg/fields`. Malformed selectors raise ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tejer.kube.resource import Body

_KEY = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*(?:/[A-Za-z0-9][-A-Za-z0-9_.]*)?)"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_COMPARE = re.compile(rf"({_KEY})\s*([<>])\s*(\d+)")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_COMMA = re.compile(r",(?![^()]*\))")
_FIELD = re.compile(r"([\w.\[\]/-]+?)(==|!=|=)(.*)", re.DOTALL)


class Requirement(NamedTuple):
    """One term: `operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        if self.operator == "Exists":
            return value is not None
        if self.operator == "DoesNotExist":
            return value is None
        if value is None or not value.lstrip("-").isdigit():
            return False
        bound = int(next(iter(self.values)))
        return int(value) > bound if self.operator == "Gt" else int(value) < bound


class LabelSelector(NamedTuple):
    """All requirements must hold; without any, everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        given = labels or {}
        return all(requirement.matches(given) for requirement in self.requirements)


def parse_label_selector(text: str) -> LabelSelector:
    """`app=web,tier in (a, b),!canary`. Raises ValueError naming the term that can't be read."""
    terms = [term.strip() for term in _COMMA.split(text)] if text.strip() else []
    return LabelSelector(tuple(_requirement(term) for term in terms))


def _requirement(term: str) -> Requirement:
    if found := _SET.fullmatch(term):
        values = frozenset(value.strip() for value in found[3].split(","))
        return Requirement(found[1], "In" if found[2] == "in" else "NotIn", values)
    if found := _EQUAL.fullmatch(term):
        return Requirement(found[1], "NotIn" if found[2] == "!=" else "In", frozenset({found[3]}))
    if found := _COMPARE.fullmatch(term):
        return Requirement(found[1], "Gt" if found[2] == ">" else "Lt", frozenset({found[3]}))
    if found := _EXISTS.fullmatch(term):
        return Requirement(found[2], "DoesNotExist" if found[1] else "Exists")
    raise ValueError(f"unable to parse requirement: {term!r}; write key=value, key!=value, key in (a,b), key or !key")


def label_selector(selector: Body | None) -> LabelSelector:
    """A `metav1.LabelSelector` object (matchLabels, matchExpressions). An empty or missing one matches everything."""
    selector = selector or {}
    terms = [Requirement(key, "In", frozenset({str(value)})) for key, value in _items(selector.get("matchLabels"))]
    for term in selector.get("matchExpressions") or ():
        values = frozenset(str(value) for value in term.get("values") or ())
        operator = str(term.get("operator", ""))
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            raise ValueError(f"{operator!r} is not a valid label selector operator")
        terms.append(Requirement(str(term.get("key", "")), operator, values))
    return LabelSelector(tuple(terms))


def _items(mapping: Any) -> list[tuple[str, Any]]:
    return list(mapping.items()) if isinstance(mapping, dict) else []


class FieldTerm(NamedTuple):
    field: str
    equal: bool
    value: str


class FieldSelector(NamedTuple):
    """Terms over `metadata.name` and other fields; which fields a kind has is the caller's to check."""

    terms: tuple[FieldTerm, ...] = ()

    def matches(self, read: Callable[[str], str]) -> bool:
        """`read` gives the text of a field, "" where it is unset."""
        return all((read(term.field) == term.value) == term.equal for term in self.terms)

    def matches_body(self, body: Body) -> bool:
        return self.matches(lambda field: read_field(body, field))

    def value_of(self, field: str) -> str | None:
        """The value that `field` must equal, None where nothing pins it."""
        return next((term.value for term in self.terms if term.field == field and term.equal), None)


def parse_field_selector(text: str) -> FieldSelector:
    """`status.phase!=Running,metadata.name=web`. Raises ValueError naming the term that can't be read."""
    terms = []
    for term in re.split(r"(?<!\\),", text) if text.strip() else []:
        if not term.strip():
            continue
        found = _FIELD.fullmatch(term.strip())
        if found is None:
            raise ValueError(f"invalid field selector: {term!r}; write field=value or field!=value")
        terms.append(FieldTerm(found[1], found[2] != "!=", re.sub(r"\\(.)", r"\1", found[3])))
    return FieldSelector(tuple(terms))


def read_field(body: Body, path: str) -> str:
    """The scalar at a dotted path as text: booleans as Go prints them, "" where something on the way is missing."""
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None or isinstance(value, (dict, list)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
