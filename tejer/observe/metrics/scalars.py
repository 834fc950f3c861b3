"""The scalars of prometheus.yml as Prometheus reads them: text, durations, sizes and regular expressions. Pure.

`read_scalar` is the hook by which msgspec makes them out of YAML's values; its errors name what is expected.
Source: prometheus.io/docs/prometheus/latest/configuration/configuration "Generic placeholders".
"""

from __future__ import annotations

import re
from typing import Any

import regex

_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]+){unit})?" for unit in _UNITS))
_SIZE = re.compile(r"([0-9]+)([KMGTPE]?)i?B?")
_POWERS = "KMGTPE"
_REFERENCE = re.compile(r"\$(?:\$|([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})")
_LONGEST_PATTERN = 10_000
_LONGEST_TEXT = 16 * 1024
_SECONDS = 0.1


class Text(str):
    """A string; an unquoted `true` or `8080` means its letters, as Go's YAML reads a field of type string."""

    __slots__ = ()


class Milliseconds(int):
    """A duration such as `15s` or `1h30m`, in milliseconds."""


class Bytes(int):
    """A size such as `10MB` or `512KiB`; a unit is a power of 1024 either way, as in Prometheus."""


class Pattern:
    """A regular expression that has to match a whole text. RE2's syntax as far as the `regex` engine shares it.

    What it is matched with comes from strangers, so length and time are limited.
    """

    __slots__ = ("_compiled", "source")

    def __init__(self, source: str) -> None:
        """Raises ValueError naming the expression and what is wrong with it."""
        if len(source) > _LONGEST_PATTERN:
            raise ValueError(f"a regular expression of {len(source)} characters; at most {_LONGEST_PATTERN} are read")
        try:
            self._compiled = regex.compile(source.replace(r"\z", r"\Z"), regex.DOTALL)
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{source!r} is not a regular expression: {error}") from None
        self.source = source

    def match(self, text: str) -> regex.Match[str] | None:
        """Raises ValueError for a text that is too long, or takes too long."""
        if len(text) > _LONGEST_TEXT:
            raise ValueError(f"a text of {len(text)} letters; expressions are matched with {_LONGEST_TEXT} at most")
        try:
            return self._compiled.fullmatch(text, timeout=_SECONDS)
        except TimeoutError:
            raise ValueError(f"{self.source!r} takes too long on a text of {len(text)} letters") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Pattern({self.source!r})"


def expand(template: str, found: regex.Match[str]) -> str:
    """Go's Regexp.Expand: `$1`, `${1}`, `$name`, `$$`. A group that isn't there is ""; the longest name counts."""
    if "$" not in template:
        return str(template)

    def value(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return found[int(name)] or "" if name.isdigit() else found[name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(value, template)


def parse_milliseconds(text: str) -> int:
    """Raises ValueError with what is expected; units go from large to small, as Prometheus wants them."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is not a duration: write numbers and units, such as 15s, 500ms or 1h30m")
    return sum(int(number) * _UNITS[unit] for unit, number in match.groupdict().items() if number)


def format_milliseconds(value: int) -> str:
    """`90000` -> `1m30s`: how Prometheus prints a duration; weeks and years only where they are the whole of it."""
    if value == 0:
        return "0s"
    parts: list[str] = []
    for unit, size in _UNITS.items():
        if unit in ("y", "w") and value % size:
            continue
        count, value = divmod(value, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size: write a number and a unit, such as 10MB")
    return int(match[1]) * int(1024 ** (_POWERS.index(match[2]) + 1 if match[2] else 0))


def read_scalar(kind: type, value: Any) -> Any:
    """msgspec's `dec_hook`. Raises ValueError, to which msgspec adds the field's path."""
    if isinstance(value, (dict, list)) or value is None:
        raise ValueError(f"expected a single value, got {'nothing' if value is None else type(value).__name__}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind is Text:
        return Text(text)
    if kind is Milliseconds:
        return Milliseconds(parse_milliseconds(text))
    if kind is Bytes:
        return Bytes(parse_bytes(text))
    if kind is Pattern:
        return Pattern(text)
    raise NotImplementedError(f"{kind.__name__} is no scalar of prometheus.yml")
