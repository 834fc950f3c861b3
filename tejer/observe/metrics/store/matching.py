"""What a label matcher accepts.

Expressions are RE2's as far as the `regex` engine shares its syntax. It lets other threads run and keeps a time limit,
so no expression holds the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import regex

from tejer.observe.metrics.series import Labels, Matcher

Accepts: TypeAlias = Callable[[str], bool]

LONGEST = 10_000
"""Letters of an expression."""
SECONDS = 2.0
"""For one value of one label."""
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
    return lambda text: compiled.fullmatch(text, concurrent=True, timeout=SECONDS) is not None


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
