"""The vocabulary of metrics: labels, samples, and how they get into and out of a store.

Times are integer milliseconds since 1970; values are floats.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:  # numpy takes 60 ms to import, and scraping alone does not need it
    from tejer.observe.metrics.arrays import Flags, Times, Values

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Sorted by name, with `__name__`; no empty values."""

STALE_BITS = 0x7FF0000000000002
STALE_NAN: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]
"""The value that says a series has ended. Source: prometheus/model/value."""


class Appender(Protocol):
    def reference(self, labels: Labels) -> int: ...

    def append(self, time_ms: int, references: Sequence[int], values: Sequence[float]) -> None: ...


class Matcher(NamedTuple):
    """`op` is one of = != =~ !~. A label that a series does not have counts as empty."""

    name: str
    op: str
    value: str


class Block(NamedTuple):
    """Series that were sampled at the same times, as those of one target are: row i of `values` is `labels[i]`.

    `present` says where a row has a sample; None: everywhere. A STALE_NAN is a sample that ends its series.
    """

    labels: Sequence[Labels]
    times: Times
    values: Values
    present: Flags | None = None


class Querier(Protocol):
    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Block]:
        """The series that fit all matchers, with their samples of start_ms <= time <= end_ms."""
        ...

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Labels]:
        """Those that have samples in that time."""
        ...
