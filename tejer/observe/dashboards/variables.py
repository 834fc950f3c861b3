"""Variables put into texts: `$name`, `[[name]]`, `${name}`, `${name:format}`, `${name.text}` and Grafana's own `$__…`.

Source: grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from tejer.observe.dashboards.model import ALL
from tejer.observe.dashboards.timing import Pace, Range, spell

_REFERENCE = re.compile(
    r"\$(?P<plain>\w+)|\[\[(?P<old>\w+)(?::(?P<old_format>\w+))?\]\]"
    r"|\$\{(?P<braced>\w+)(?:\.(?P<path>[^}:]*))?(?::(?P<format>[^}]*))?\}"
)
_REGEX_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_PROMQL_SPECIAL = re.compile(r"[$^*{}\[\]+?.()|]")
MAX_LENGTH = 200_000


@dataclass(frozen=True)
class Value:
    """What a variable holds now: `values` and, beside each, the text the user sees.

    `listed` says that it may hold several (multi or All), so in a query it stands in a regular expression.
    `verbatim` says that it is the author's own pattern for All, to be written as it is.
    """

    values: tuple[str, ...]
    labels: tuple[str, ...] = ()
    listed: bool = False
    verbatim: bool = False
    is_all: bool = False

    @property
    def text(self) -> str:
        return "All" if self.is_all else " + ".join(self.labels or self.values)


Scope = Mapping[str, Value]


@dataclass
class Filled:
    """A text with its variables put in, and the names that stood for nothing."""

    text: str
    unknown: list[str] = field(default_factory=list)


class FormatError(ValueError):
    """A format after the colon that isn't one of ours."""


def references(text: str) -> set[str]:
    """The names of the variables that a text mentions."""
    return {_name(match) for match in _REFERENCE.finditer(text)}


def for_query(text: str, scope: Scope) -> str:
    """Into PromQL: a variable with several values becomes `(a|b)`, its values escaped for a regular expression."""
    return _fill(text, scope, _promql)


def for_reader(text: str, scope: Scope) -> str:
    """Into titles and text: several values as `a + b`."""
    return _fill(text, scope, lambda value: value.text)


def for_url(text: str, scope: Scope) -> str:
    """Into links: values are percent-encoded."""
    return _fill(text, scope, lambda value: quote(",".join(value.values), safe=""))


def _name(match: re.Match[str]) -> str:
    return match["plain"] or match["old"] or match["braced"] or ""


def _fill(text: str, scope: Scope, default: Callable[[Value], str]) -> str:
    """Names without a value stay as they stand, as in Grafana: `$1` or `${__data.fields.x}` are somebody else's."""

    def replaced(match: re.Match[str]) -> str:
        value = scope.get(_name(match))
        if value is None:
            return match.group()
        chosen = match["format"] or match["old_format"] or ""
        if match["path"] == "text":
            return value.text
        return formatted(_name(match), value, chosen) if chosen else default(value)

    filled = _REFERENCE.sub(replaced, text)
    if len(filled) > MAX_LENGTH:
        raise FormatError(f"with its variables the text has {len(filled):,} characters; {MAX_LENGTH:,} are allowed")
    return filled


def _promql(value: Value) -> str:
    if value.verbatim:
        return "|".join(value.values)
    if not value.listed:  # stands between quotes, and comes from labels that anyone may have set
        return "|".join(one.replace("\\", "\\\\").replace('"', '\\"') for one in value.values)
    doubled = (one.replace("\\", "\\\\\\\\").replace('"', '\\"') for one in value.values)
    escaped = [_PROMQL_SPECIAL.sub(r"\\\\\g<0>", one) for one in doubled]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _regex(values: Sequence[str]) -> str:
    escaped = [_REGEX_SPECIAL.sub(r"\\\g<0>", one) for one in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _quoted(values: Sequence[str], mark: str) -> str:
    return ",".join(mark + one.replace(mark, "\\" + mark) + mark for one in values)


_FORMATS: dict[str, Callable[[Sequence[str]], str]] = {
    "csv": ",".join,
    "pipe": "|".join,
    "raw": ",".join,
    "regex": _regex,
    "glob": lambda values: values[0] if len(values) == 1 else "{" + ",".join(values) + "}",
    "json": lambda values: json.dumps(values[0] if len(values) == 1 else list(values), ensure_ascii=False),
    "doublequote": lambda values: _quoted(values, '"'),
    "singlequote": lambda values: _quoted(values, "'"),
    "percentencode": lambda values: quote(",".join(values), safe=""),
    "uriencode": lambda values: quote(",".join(values), safe="~()*!.'-_:/?#[]@$&+,;="),
}
FORMATS = (*sorted(_FORMATS), "text", "queryparam", "join")


def formatted(name: str, value: Value, how: str) -> str:
    """`${name:how}`. Raises FormatError naming the formats there are."""
    how, _, argument = how.partition(":")
    if how == "text":
        return value.text
    if how == "queryparam":
        chosen = (ALL,) if value.is_all else value.values
        return "&".join(f"var-{quote(name)}={quote(one, safe='')}" for one in chosen)
    if how == "join":
        return (argument or ",").join(value.values)
    write = _FORMATS.get(how)
    if write is None:
        raise FormatError(f"${{{name}:{how}}}: no format is called {how[:40]}; there are {', '.join(FORMATS)}")
    return write(value.values) if value.values else ""


def built_in(span: Range, pace: Pace, dashboard: str = "", scrape: str = "") -> dict[str, Value]:
    """Grafana's own variables for one query."""

    def one(text: object) -> Value:
        return Value((str(text),))

    return {
        "__from": one(span.start),
        "__to": one(span.end),
        "__range": one(f"{max(span.length // 1000, 1)}s"),
        "__range_s": one(max(span.length // 1000, 1)),
        "__range_ms": one(span.length),
        "__interval": one(spell(pace.interval)),
        "__interval_ms": one(pace.interval),
        "__rate_interval": one(spell(pace.rate_interval)),
        "__rate_interval_ms": one(pace.rate_interval),
        "__dashboard": one(dashboard),
        "__name": one("__name"),
        "__timezone": one("utc"),
        "timeFilter": one(""),
    }


def url_variables(scope: Scope) -> str:
    """`${__all_variables}`: what a link needs so that the next dashboard shows the same."""
    return "&".join(formatted(name, value, "queryparam") for name, value in scope.items() if not name.startswith("__"))
