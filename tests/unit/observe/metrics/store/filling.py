"""Short ways to fill stores and to read them, for their tests."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tejer.observe.metrics.series import STALE_NAN, Labels, Matcher
from tejer.observe.metrics.store.encoding import bits
from tejer.observe.metrics.store.store import Store

BASE = 1_700_000_000_000
STEP = 15_000
EVER = (0, 1 << 60)
STALE = "stale"


def labels_of(name: str, **labels: str) -> Labels:
    return tuple(sorted({"__name__": name, **labels}.items()))


def put(store: Store, time: int, values: Mapping[str, float]) -> None:
    """One append: value by metric name."""
    references = [store.reference(labels_of(name)) for name in values]
    store.append(time, references, list(values.values()))


def samples(
    store: Store, *matchers: Matcher, start: int = EVER[0], end: int = EVER[1]
) -> dict[str, dict[int, float | str]]:
    """Everything that fits, by metric name and time. Fails where a series is in two blocks."""
    found: dict[str, dict[int, float | str]] = {}
    for block in store.select(matchers, start, end):
        for row, labels in enumerate(block.labels):
            name = dict(labels)["__name__"]
            assert name not in found, f"{name} is in two blocks"
            found[name] = {
                time: _readable(value)
                for column, (time, value) in enumerate(
                    zip(block.times.tolist(), block.values[row].tolist(), strict=True)
                )
                if block.present is None or block.present[row, column]
            }
    return {name: held for name, held in found.items() if held}


def _readable(value: float) -> float | str:
    if not math.isnan(value):
        return value
    same = bits(np.array([value])) == bits(np.array([STALE_NAN]))
    return STALE if same[0] else "nan"
