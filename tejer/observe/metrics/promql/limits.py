"""How much one query may take."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """`samples` are loaded at the most; `steps` of a range query as in Prometheus; times in seconds."""

    samples: int = 50_000_000
    steps: int = 11_000
    subquery_steps: int = 100_000
    timeout: float = 120.0


def no_check() -> None:
    """For evaluations without a deadline."""
