"""Regular expressions that come from strangers' JSON, with a bound on what they may cost.

Grafana's are JavaScript's, with look-around and named groups, so a linear-time engine would refuse honest ones; `regex`
reads them and stops when it is told to. The time is that of the evaluation itself, not of the data: no clock is read
to decide a result.
"""

from __future__ import annotations

import time

import regex

_DELIMITED = regex.compile(r"/(.*)/([a-z]*)", regex.DOTALL)
SECONDS = 1.0
"""For all texts that one pattern is tried on."""
MAX_PATTERN = 2000


class PatternError(ValueError):
    """A pattern that isn't one, or that costs too much."""


class Pattern:
    """`/body/flags` or a bare body."""

    def __init__(self, text: str, seconds: float = SECONDS) -> None:
        delimited = _DELIMITED.fullmatch(text.strip())
        body, flags = (delimited[1], delimited[2]) if delimited else (text, "")
        self._shown, self._left = text[:80], seconds
        if len(body) > MAX_PATTERN:
            raise PatternError(f"the regex {self._shown}… has more than {MAX_PATTERN} characters")
        try:
            self._compiled = regex.compile(body, regex.IGNORECASE if "i" in flags else 0)
        except regex.error as error:
            raise PatternError(f"the regex {self._shown} is not one: {error}") from error
        self.groups: int = self._compiled.groups

    def search(self, text: str) -> regex.Match[str] | None:
        """Raises PatternError once all searches together have taken too long."""
        started = time.perf_counter()
        try:
            return self._compiled.search(text, timeout=max(self._left, 0.001), concurrent=True)
        except TimeoutError:
            raise PatternError(f"the regex {self._shown} takes too long; write it without nested repetitions") from None
        finally:
            self._left -= time.perf_counter() - started

    def matches(self, text: str) -> bool:
        return self.search(text) is not None
