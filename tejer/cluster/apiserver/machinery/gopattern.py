"""Regular expressions as Go reads them: by RE2, which Go's own engine follows.

Its time grows with the text alone, so no pattern of a CRD can hold the server, and its memory is bounded.
"""

from __future__ import annotations

from functools import lru_cache

_LARGEST = 1024 * 1024
"""Bytes that one compiled pattern and its matching may take."""


class Pattern:
    """A compiled pattern. Raises ValueError for what is no RE2 syntax, or too large."""

    def __init__(self, text: str) -> None:
        import re2  # 5 MB: only for who has a pattern

        options = re2.Options()
        options.log_errors, options.max_mem = False, _LARGEST
        try:
            self._pattern = re2.compile(text, options)
        except re2.error as error:
            raise ValueError(error.args[0].decode()) from error

    def matches(self, text: str) -> bool:
        """Whether it occurs anywhere in `text`."""
        return self._pattern.search(text) is not None


@lru_cache(maxsize=512)
def go_pattern(text: str) -> Pattern:
    """`Pattern(text)`, remembered."""
    return Pattern(text)
