"""label_replace and label_join. Source: prometheus.io/docs/prometheus/latest/querying/functions."""

from __future__ import annotations

import re

from tejer.observe.metrics.promql.vectors import QueryError, Vector
from tejer.observe.metrics.scalars import Pattern, expand
from tejer.observe.metrics.series import Labels

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """`target` becomes `replacement` (with $1, ${name}) where `pattern` matches all of `source`. Raises QueryError."""
    _check_name("label_replace", target)
    changed = []
    try:
        expression = Pattern(pattern)
        for labels in vector.labels:
            match = expression.match(dict(labels).get(source, ""))
            changed.append(labels if match is None else _with(labels, target, expand(replacement, match)))
    except ValueError as error:
        raise QueryError(f"invalid regular expression in label_replace(): {error}") from None
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


def _with(labels: Labels, name: str, value: str) -> Labels:
    changed = {key: held for key, held in labels if key != name}
    if value:
        changed[name] = value
    return tuple(sorted(changed.items()))


def _check_name(function: str, name: str) -> None:
    if not _LABEL.match(name):
        raise QueryError(f"invalid label name in {function}(): {name[:100]}")
