"""What running a table gives."""

from __future__ import annotations

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """`answers` in the order of the cases, in the README's form; `misses` one line each; a skip is a miss."""

    answers: list[Any]
    total: int
    misses: list[str]
