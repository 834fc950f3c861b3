"""label_replace and label_join. Source: prometheus.io/docs/prometheus/latest/querying/functions."""

from __future__ import annotations

import re

from tejer.observe.metrics.promql.vectors import QueryError, Vector
from tejer.observe.metrics.scalars import Pattern
from tejer.observe.metrics.series import Labels

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """`target` becomes `replacement` (with $1, ${name}) where `pattern` matches all of `source`. Raises QueryError."""
    _check_name("label_replace", target)
    try:
        expression = Pattern(pattern)
    except ValueError as error:
        raise QueryError(f"invalid regular expression in label_replace(): {error}") from None
    changed = []
    for labels in vector.labels:
        match = expression.match(dict(labels).get(source, ""))
        changed.append(labels if match is None else _with(labels, target, expand(match, replacement)))
    return Vector(changed, vector.values, vector.present).merged()


def label_join(vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    """`target` becomes the values of `sources`, joined. Raises QueryError."""
    for name in (target, *sources):
        _check_name("label_join", name)
    changed = []
    for labels in vector.labels:
        held = dict(labels)
        changed.append(_with(labels, target, separator.join(held.get(name, "") for name in sources)))
    return Vector(changed, vector.values, vector.present).merged()


def expand(match: re.Match[str], template: str) -> str:
    """Go's Regexp.Expand: a name takes as many word characters as it can, unknown ones are empty, $$ is a dollar."""

    def value(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match[int(name) if name.isdecimal() else name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(value, template)


def _with(labels: Labels, name: str, value: str) -> Labels:
    changed = {key: held for key, held in labels if key != name}
    if value:
        changed[name] = value
    return tuple(sorted(changed.items()))


def _check_name(function: str, name: str) -> None:
    if not _LABEL.match(name):
        raise QueryError(f"invalid label name in {function}(): {name[:100]}")
