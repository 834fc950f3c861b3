"""Questions to the store as both APIs ask them, each in one trip to a reading thread."""

from __future__ import annotations

import sqlite3

from tejer.observe.traces.arrange import Trace, arrange
from tejer.observe.traces.store.reading import Search, find_traces, spans_of
from tejer.observe.traces.store.store import Store


async def search(store: Store, wanted: Search) -> list[Trace]:
    """The traces that match, whole, the latest first."""

    def ask(db: sqlite3.Connection) -> list[Trace]:
        return [arrange(spans) for spans in spans_of(db, find_traces(db, wanted)).values()]

    return await store.ask(ask)


async def traces(store: Store, trace_ids: list[bytes]) -> list[Trace]:
    """Those of `trace_ids` that there are."""
    return await store.ask(lambda db: [arrange(spans) for spans in spans_of(db, trace_ids).values()])
