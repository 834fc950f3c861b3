"""`Figure`: a measured number and what it must reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `limit` is the most it may be, in the same unit; None where there is no target."""

    what: str
    value: float
    unit: str
    limit: float | None
    method: str

    @property
    def met(self) -> bool:
        return self.limit is None or self.value <= self.limit
