"""What the routes share: the library, the data sources, and the variables' values just worked out."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tejer.observe.dashboards.library import Entry, Library
from tejer.observe.dashboards.resolve import VariableAnswer, resolve
from tejer.observe.dashboards.sources import Sources
from tejer.observe.dashboards.timing import Range
from tejer.observe.dashboards.variables import Value

_Key = tuple[str, str, Range, tuple[tuple[str, tuple[str, ...]], ...]]
KEEP_SECONDS = 20.0
KEEP = 64


@dataclass
class Resolved:
    scope: dict[str, Value]
    answers: list[VariableAnswer]
    until: float


@dataclass
class Service:
    """`clock` is monotonic seconds; `wall` seconds since 1970."""

    library: Library
    sources: Sources
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _resolved: OrderedDict[_Key, Resolved] = field(default_factory=OrderedDict)
    _locks: dict[_Key, asyncio.Lock] = field(default_factory=dict)

    def now(self) -> int:
        return int(self.wall() * 1000)

    async def variables(self, entry: Entry, wanted: Mapping[str, Sequence[str]], span: Range) -> Resolved:
        """The variables' values. The panels of one page ask for the same at once: worked out once, kept shortly."""
        chosen = tuple(sorted((name, tuple(values)) for name, values in wanted.items()))
        key = (entry.uid, entry.digest, span, chosen)
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                kept = self._resolved.get(key)
                if kept is None or kept.until < self.clock():
                    scope, answers = await resolve(entry.reading.dashboard, wanted, span, self.sources)
                    kept = Resolved(scope, answers, self.clock() + KEEP_SECONDS)
                    self._resolved[key] = kept
                    while len(self._resolved) > KEEP:
                        self._resolved.popitem(last=False)
                return kept
        finally:
            if not lock.locked():
                self._locks.pop(key, None)
