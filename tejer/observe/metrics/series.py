"""The vocabulary of metrics: labels, samples, and how they get into and out of a store.

Times are integer milliseconds since 1970; values are floats.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol, TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Sorted by name, with `__name__`; no empty values."""

STALE_NAN: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The value that says a series has ended. Source: prometheus/model/value."""


class Appender(Protocol):
    def reference(self, labels: Labels) -> int: ...

    def append(self, time_ms: int, references: Sequence[int], values: Sequence[float]) -> None: ...
