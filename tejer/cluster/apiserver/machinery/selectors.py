"""Label and field selectors: the texts of queries, and the LabelSelector objects in webhooks, Services and workloads.

Source: apimachinery `labels/selector.go`, `fields/selector.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tejer.cluster.apiserver.machinery import names
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

Labels = Mapping[str, str]


class Requirement(NamedTuple):
    """`operator` is one of = != in notin exists !exists."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        present = self.key in labels
        match self.operator:
            case "exists":
                return present
            case "!exists":
                return not present
            case "=" | "in":
                return present and labels[self.key] in self.values
            case "gt":
                return present and _number(labels[self.key]) > _number(self.values[0])
            case "lt":
                return present and _number(labels[self.key]) < _number(self.values[0])
        return not present or labels[self.key] not in self.values


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float("nan")


_SET_TERM = re.compile(r"^(?P<key>[^\s!=<>(),]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY_TERM = re.compile(r"^(?P<key>[^\s!=<>(),]+)\s*(?P<op>==|!=|=|>|<)\s*(?P<value>[^\s=!()<>,]*)$")
_EXISTS_TERM = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=<>(),]+)$")


def parse_label_selector(text: str) -> tuple[Requirement, ...]:
    """`a=b,c in (d,e),!f` as requirements that must all hold. Raises ApiError 400."""
    return tuple(_parse_term(term.strip(), text) for term in _split(text) if term.strip())


def _split(text: str) -> list[str]:
    """Cut at commas outside parentheses."""
    return re.split(r",(?![^(]*\))", text)


def _parse_term(term: str, whole: str) -> Requirement:
    if match := _SET_TERM.match(term):
        values = tuple(sorted({value.strip() for value in match["values"].split(",")}))
        requirement = Requirement(match["key"], match["op"], values)
    elif match := _EQUALITY_TERM.match(term):
        operator = {"==": "=", ">": "gt", "<": "lt"}.get(match["op"], match["op"])
        requirement = Requirement(match["key"], operator, (match["value"],))
    elif match := _EXISTS_TERM.match(term):
        requirement = Requirement(match["key"], "!exists" if match["not"] else "exists")
    else:
        raise ApiError(400, "BadRequest", f"unable to parse requirement: {term!r} in label selector {whole!r}")
    wrong = names.qualified_name(requirement.key)
    if requirement.operator not in ("gt", "lt"):
        wrong += [error for value in requirement.values for error in names.label_value(value)]
    if wrong:
        raise ApiError(400, "BadRequest", f"unable to parse requirement: {term!r}: {'; '.join(wrong)}")
    return requirement


def matches(requirements: tuple[Requirement, ...], labels: Labels | None) -> bool:
    return all(requirement.matches(labels or {}) for requirement in requirements)


def selector_matches(selector: Body | None, labels: Labels | None) -> bool:
    """Whether a LabelSelector object matches; None or {} matches everything."""
    labels = labels or {}
    if not selector:
        return True
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for term in selector.get("matchExpressions") or ():
        operator = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!exists"}.get(
            term.get("operator", ""), ""
        )
        if not Requirement(term.get("key", ""), operator, tuple(term.get("values") or ())).matches(labels):
            return False
    return True


class FieldTerm(NamedTuple):
    path: str
    equal: bool
    value: str


def parse_field_selector(text: str) -> tuple[FieldTerm, ...]:
    """`metadata.name=x,status.phase!=Running`. Raises ApiError 400."""
    terms = []
    for term in text.split(","):
        if not term.strip():
            continue
        match = re.match(r"^\s*([^=!]+?)\s*(==|!=|=)(.*)$", term)
        if not match:
            raise ApiError(400, "BadRequest", f"invalid selector: {text!r}; can't understand {term!r}")
        terms.append(FieldTerm(match[1], match[2] != "!=", match[3].strip()))
    return tuple(terms)


def fields_match(terms: tuple[FieldTerm, ...], body: Body) -> bool:
    return all((field_text(body, term.path) == term.value) == term.equal for term in terms)


def field_text(body: Body, path: str) -> str:
    """The field at a dotted path, as selectors compare it: absent is ""."""
    value: Any = body
    for key in path.lstrip(".").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
