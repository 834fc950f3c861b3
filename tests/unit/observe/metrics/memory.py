"""An appender that remembers, for tests of what scraping stores."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from tejer.observe.metrics.series import STALE_NAN, Labels

STALE = "stale"


def is_stale(value: float) -> bool:
    return struct.pack("<d", value) == struct.pack("<d", STALE_NAN)


class MemoryAppender:
    """`samples` are (time, series as text, value); a stale marker reads as "stale"."""

    def __init__(self) -> None:
        self.series: list[Labels] = []
        self.known: dict[Labels, int] = {}
        self.samples: list[tuple[int, str, float | str]] = []
        self.full = False

    def reference(self, labels: Labels) -> int:
        if labels not in self.known:
            self.known[labels] = len(self.series)
            self.series.append(labels)
        return self.known[labels]

    def append(self, time_ms: int, references: Sequence[int], values: Sequence[float]) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        assert len(set(references)) == len(references), "one sample per series and time"
        for reference, value in zip(references, values, strict=True):
            stored: float | str = STALE if math.isnan(value) and is_stale(value) else value
            self.samples.append((time_ms, text_of(self.series[reference]), stored))

    def at(self, time_ms: int) -> dict[str, float | str]:
        return {series: value for time, series, value in self.samples if time == time_ms}


def text_of(labels: Labels) -> str:
    """`up{instance="a",job="b"}`"""
    name = dict(labels).get("__name__", "")
    rest = ",".join(f'{key}="{value}"' for key, value in labels if key != "__name__")
    return f"{name}{{{rest}}}" if rest else name
