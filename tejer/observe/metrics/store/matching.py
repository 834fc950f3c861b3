"""What a label matcher accepts.

Expressions are RE2's as far as the `regex` engine shares its syntax. It keeps a time limit and lets other threads run,
so no expression holds the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import regex

from tejer.observe.metrics.series import Labels, Matcher

Accepts: TypeAlias = Callable[[str], bool]

LONGEST = 10_000
"""Letters of an expression."""
SECONDS = 2.0
"""For all values of one label."""
AT_ONCE = 0.005
"""Seconds for one value before other threads get their turn."""
_SPECIAL = frozenset("\\.+*?()[]{}^$")


def acceptor(matcher: Matcher) -> Accepts:
    """Raises ValueError, naming the expression that can't be read; the function raises TimeoutError."""
    value = matcher.value
    if matcher.op == "=":
        return lambda text: text == value
    if matcher.op == "!=":
        return lambda text: text != value
    accepts = _expression(value)
    return accepts if matcher.op == "=~" else lambda text: not accepts(text)


def _expression(source: str) -> Accepts:
    if len(source) > LONGEST:
        raise ValueError(f"a regular expression of {len(source)} characters; at most {LONGEST} are read")
    if source == ".*":
        return lambda _: True
    if source == ".+":
        return bool
    if not _SPECIAL.intersection(source):
        return frozenset(source.split("|")).__contains__
    try:
        compiled = regex.compile(source.replace(r"\z", r"\Z"), regex.DOTALL)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{source!r} is not a regular expression: {error}") from None
    return _Bounded(compiled)


class _Bounded:
    """Whether an expression matches; it has SECONDS for all texts together."""

    def __init__(self, compiled: regex.Pattern[str]) -> None:
        self._compiled = compiled
        self._left = SECONDS

    def __call__(self, text: str) -> bool:
        began = time.perf_counter()
        try:
            return self._compiled.fullmatch(text, timeout=AT_ONCE) is not None
        except TimeoutError:
            # Slow: from now on other threads run meanwhile. Taking turns with them for each text would cost more.
            return self._compiled.fullmatch(text, timeout=max(self._left, AT_ONCE), concurrent=True) is not None
        finally:
            self._left -= time.perf_counter() - began


class Choice(NamedTuple):
    """What a matcher chooses: series with one of these values of the label, or all but those. None: every value."""

    name: str
    values: Sequence[str] | None
    others: bool


def choose(matcher: Matcher, values: Sequence[str]) -> Choice:
    """`values` are all that the label has. Raises as `acceptor` does."""
    accepts = acceptor(matcher)
    # Series without the label fit as those do whose value is empty.
    others = accepts("")
    listed = [value for value in values if accepts(value) != others]
    every = len(listed) == len(values) and not (matcher.op == "=" and matcher.value)
    return Choice(matcher.name, None if every else listed, others)


def matching(labels: Iterable[Labels], matchers: Sequence[Matcher]) -> list[int]:
    """Positions of those that fit all matchers."""
    wanted = [(matcher.name, _remembering(acceptor(matcher))) for matcher in matchers]
    found = []
    for i, pairs in enumerate(labels):
        held = dict(pairs)
        if all(accepts(held.get(name, "")) for name, accepts in wanted):
            found.append(i)
    return found


def _remembering(accepts: Accepts) -> Accepts:
    known: dict[str, bool] = {}

    def ask(value: str) -> bool:
        if value not in known:
            known[value] = accepts(value)
        return known[value]

    return ask
