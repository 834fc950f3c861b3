"""Regular expressions as Go (RE2) reads them, compiled by Python.

Differences bridged: `$` ends at the text's end only, `\\d` and `\\w` are ASCII, POSIX classes, `\\z`, Unicode letters.
Look-around and back-references, which RE2 does not have, are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_TOKEN = re.compile(r"\\p(?:\{\w+\}|\w)|\\.|\[:(\w+):\]|\(\?(?:[=!]|<[=!])|.", re.DOTALL)


@lru_cache(maxsize=512)
def go_pattern(text: str) -> re.Pattern[str]:
    """Raises re.error for what is no RE2 syntax."""
    out: list[str] = []
    in_class = False
    for match in _TOKEN.finditer(text):
        part = match[0]
        if match[1]:
            part = _posix(match[1], part) if in_class else part
        elif part == "[" and not in_class:
            in_class = True
        elif part == "]" and in_class and out[-1] not in ("[", "^"):
            in_class = False
        elif not in_class:
            part = _outside(part)
        if part.startswith(r"\p"):
            part = r"^\W\d_" if in_class and out[-1] == "[" else r"[^\W\d_]"
        out.append(part)
    flags = 0 if r"\p" in text else re.ASCII
    return re.compile("".join(out), flags)


def _posix(name: str, part: str) -> str:
    if name not in _POSIX:
        raise re.error(f"invalid character class range: {part}")
    return _POSIX[name]


def _outside(part: str) -> str:
    """A token that is not within brackets."""
    if part in ("$", r"\z"):
        return r"\Z"
    if part.startswith("(?") and len(part) > 2:
        raise re.error(f"invalid or unsupported Perl syntax: {part}")
    if len(part) == 2 and part[0] == "\\" and part[1] in "123456789":
        raise re.error(f"invalid escape sequence: {part}")
    return part
