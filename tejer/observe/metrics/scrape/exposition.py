"""The text that targets send: Prometheus text format 0.0.4 and OpenMetrics 1.0. Pure.

A target sends nearly the same series every time, so what was learnt of a series is found again by its raw text
(`name{labels}` as sent): a line seen before costs a split and a look-up.
Source: prometheus.io/docs/instrumenting/exposition_formats, github.com/prometheus/OpenMetrics.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Set
from typing import NamedTuple

from tejer.observe.metrics.series import Labels

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*')
_OPEN = re.compile(r"[ \t]*\{")
_CLOSE = re.compile(r"[ \t]*\}")
_REST = re.compile(r"[ \t]*([^ \t#]+)(?:[ \t]+([-+0-9.eE]+))?[ \t]*(#.*)?")
_COMMENT = re.compile(r"#[ \t]+(HELP|TYPE|UNIT)[ \t]+([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*(.*)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
_SHOWN = 60
TYPES = {
    "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "untyped", "unknown",
}  # fmt: skip
LATEST_TIME = 1 << 53
"""Milliseconds; beyond it a timestamp is no date."""


class ExpositionError(ValueError):
    """A page that can't be read; `str()` says in which line and what was found."""


class Sample(NamedTuple):
    """One line. `series` is its raw text up to the value; `time` in milliseconds or None where none was sent."""

    series: str
    value: float
    time: int | None


class Page(NamedTuple):
    """`known` pairs with `values`: series whose text the caller knew. Timestamped ones and new ones are in `others`."""

    known: list[int]
    values: list[float]
    others: list[Sample]
    comments: list[str]


def read_page(text: str, known: Mapping[str, int], comments: Set[str], *, openmetrics: bool = False) -> Page:
    """Read one scrape. `comments` are lines seen before, which are left out of the result. Raises ExpositionError.

    Timestamps are milliseconds, in OpenMetrics seconds.
    """
    if openmetrics:
        _require_end(text)
    scale = 1000 if openmetrics else 1
    references: list[int] = []
    values: list[float] = []
    others: list[Sample] = []
    fresh: list[str] = []
    find = known.get
    for line in text.split("\n"):
        series, _, number = line.rpartition(" ")
        reference = find(series)
        if reference is not None and "_" not in number:
            try:
                values.append(float(number))
            except ValueError:
                raise _error(text, line, f"{number[:_SHOWN]!r} is not a number") from None
            references.append(reference)
        elif line[:1] == "#":
            if line not in comments:
                fresh.append(line)
        elif line and not line.isspace():
            others.append(_sample(text, line, scale))
    return Page(references, values, others, fresh)


def _require_end(text: str) -> None:
    """OpenMetrics ends with `# EOF`, so that a page cut short isn't taken for a whole one."""
    if not text.rstrip("\n").endswith("# EOF"):
        raise ExpositionError("the page doesn't end with `# EOF`: was it cut short?")


def _sample(text: str, line: str, scale: int) -> Sample:
    line = line.removesuffix("\r").lstrip(" \t")
    end = _series_end(text, line)
    rest = _REST.fullmatch(line, end)
    if rest is None:
        raise _error(text, line, f"expected a value after the series, found {line[end:].strip()[:_SHOWN]!r}")
    time = None if rest[2] is None else _time(text, line, rest[2], scale)
    return Sample(line[:end], _number(text, line, rest[1]), time)


def _series_end(text: str, line: str) -> int:
    name = _NAME.match(line)
    if name is None:
        raise _error(text, line, f"expected a metric's name, found {line[:_SHOWN]!r}")
    brace = _OPEN.match(line, name.end())
    if brace is None:
        return name.end()
    position = brace.end()
    while True:
        label = _LABEL.match(line, position)
        if label is None:
            break
        position = label.end()
        if line[position : position + 1] != ",":
            break
        position += 1
    close = _CLOSE.match(line, position)
    if close is None:
        raise _error(text, line, f"expected a label or }} at {line[position:][:_SHOWN]!r}")
    return close.end()


def _number(text: str, line: str, number: str) -> float:
    try:
        if "_" in number:
            raise ValueError
        return float(number)
    except ValueError:
        raise _error(text, line, f"{number[:_SHOWN]!r} is not a number") from None


def _time(text: str, line: str, stamp: str, scale: int) -> int:
    value = _number(text, line, stamp) * scale
    if not math.isfinite(value) or abs(value) > LATEST_TIME:
        raise _error(text, line, f"{stamp[:_SHOWN]!r} is not a time")
    return round(value)


def _error(text: str, line: str, message: str) -> ExpositionError:
    before = text.split(line, 1)[0]
    return ExpositionError(f"line {before.count(chr(10)) + 1}: {message}")


def labels_of(series: str) -> Labels:
    """The labels of a series' raw text (as `Sample.series` has it). Raises ExpositionError for a repeated name."""
    name = _NAME.match(series)
    assert name is not None
    labels = {"__name__": name[0]}
    for label in _LABEL.finditer(series, name.end()):
        if label[1] in labels:
            raise ExpositionError(f"label {label[1]} is set twice in {series[:_SHOWN]!r}")
        labels[label[1]] = _unescape(label[2])
    return tuple(sorted((key, value) for key, value in labels.items() if value))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), text)


class Comment(NamedTuple):
    """`kind` is HELP, TYPE or UNIT."""

    kind: str
    family: str
    text: str


def comment_of(line: str) -> Comment | None:
    """A HELP, TYPE or UNIT line; None for any other comment. Raises ExpositionError for a type that doesn't exist."""
    found = _COMMENT.fullmatch(line.removesuffix("\r"))
    if found is None:
        return None
    kind, family, text = found[1], found[2], found[3].rstrip(" \t")
    if kind == "TYPE":
        text = text.lower()
        if text not in TYPES:
            raise ExpositionError(f"{family}: no such type of metric: {text[:_SHOWN]!r}")
        text = "unknown" if text == "untyped" else text  # OpenMetrics' name, which the API has
    elif kind == "HELP":
        text = _unescape(text)
    return Comment(kind, family, text)
