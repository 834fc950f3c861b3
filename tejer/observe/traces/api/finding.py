"""Questions to the store as both APIs ask them, each in one trip to a reading thread, encoding included."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from tejer.observe.traces.arrange import Trace, arrange
from tejer.observe.traces.store.reading import Search, find_traces, spans_of
from tejer.observe.traces.store.store import Store

T = TypeVar("T")


async def search(store: Store, wanted: Search, show: Callable[[list[Trace]], T]) -> T:
    """What `show` makes of the traces that match, whole, the latest first."""

    def ask(db: sqlite3.Connection) -> T:
        return show(_arranged(db, find_traces(db, wanted)))

    return await store.ask(ask)


async def traces(store: Store, trace_ids: list[bytes], show: Callable[[list[Trace]], T]) -> T:
    """What `show` makes of those of `trace_ids` that there are."""
    return await store.ask(lambda db: show(_arranged(db, trace_ids)))


def _arranged(db: sqlite3.Connection, trace_ids: list[bytes]) -> list[Trace]:
    return [arrange(spans) for spans in spans_of(db, trace_ids).values()]
