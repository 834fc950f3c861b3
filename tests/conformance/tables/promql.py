"""Expressions of dashboards: our engine's answers, compared with those of a real Prometheus holding the same samples.

The samples are the folder's `samples.json` if it has one, else made here. A query that is not supported is a miss.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tejer.observe.metrics.api.asking import Asker
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.promql.vectors import QueryError
from tejer.observe.metrics.store.fixed import FixedStore
from tests.conformance.outcome import Outcome
from tests.conformance.promql import real, samples
from tests.conformance.promql.compare import difference

INTERVALS = {
    "__rate_interval": "1m",
    "__interval": "15s",
    "__range": "10m",
    "__range_s": "600",
    "__interval_ms": "15000",
}
_VARIABLE = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
_STEP = 30_000


class Case(NamedTuple):
    """Times in ms; `step` 0 is an instant."""

    query: str
    start: int
    end: int
    step: int


def answer(directory: Path) -> Outcome:
    folder = directory / "promql"
    table = json.loads((folder / "queries.json").read_text())
    given = table["queries"] if isinstance(table, dict) else table
    defaults = table if isinstance(table, dict) else {}
    stored = folder / "samples.json"
    queries = [filled(item.get("query") or item["expr"], item.get("variables") or {}) for item in given]
    series = samples.read(stored) if stored.is_file() else samples.made(queries)
    times = [time for _, points in series for time, _ in points]
    cases = [
        _case(query, {**defaults, **item}, (min(times), max(times))) for query, item in zip(queries, given, strict=True)
    ]
    answers = asyncio.run(_answers(FixedStore(series), cases))
    return Outcome(answers, len(cases), list(_misses(series, cases, answers)))


def filled(query: str, variables: dict[str, str]) -> str:
    """The expression with a dashboard's variables filled in; unknown ones fit everything."""
    known = {**INTERVALS, **variables}
    return _VARIABLE.sub(lambda match: str(known.get(match[1], ".*")), query)


def _case(query: str, given: dict[str, Any], span: tuple[int, int]) -> Case:
    if "time" in given:
        at = round(float(given["time"]) * 1000)
        return Case(query, at, at, 0)
    start = round(float(given["start"]) * 1000) if "start" in given else span[0] + 120_000
    end = round(float(given["end"]) * 1000) if "end" in given else span[1] + 300_000
    return Case(query, start, end, round(float(given["step"]) * 1000) if "step" in given else _STEP)


async def _answers(store: FixedStore, cases: list[Case]) -> list[Any]:
    asker = Asker(store, Limits())
    try:
        return [await _answer(asker, case) for case in cases]
    finally:
        asker.close()


async def _answer(asker: Asker, case: Case) -> dict[str, Any]:
    try:
        if case.step:
            data = await asker.range(case.query, case.start, case.end, case.step, 60)
        else:
            data = await asker.instant(case.query, case.start, 60)
    except QueryError as error:
        return {"status": "unsupported" if error.kind == "unsupported" else "error", "error": str(error)}
    return {"status": "success", "data": data}


def _misses(series: list[samples.Series], cases: list[Case], answers: list[Any]) -> Iterator[str]:
    if not real.AVAILABLE:
        yield from (f"{case.query[:150]}: no real prometheus here to compare with" for case in cases)
        return
    with tempfile.TemporaryDirectory() as folder, real.prometheus(series, Path(folder)) as base:
        for case, ours in zip(cases, answers, strict=True):
            if wrong := _wrong(base, case, ours):
                yield f"{case.query[:150]}: {wrong}"


def _wrong(base: str, case: Case, ours: dict[str, Any]) -> str:
    theirs = theirs_of(base, case)
    if ours["status"] == theirs["status"] == "success":
        return difference(ours["data"], theirs["data"])
    if ours["status"] == "unsupported":
        return str(ours["error"])
    return "" if ours["status"] == theirs["status"] else f"{ours['status']}, not {theirs['status']}"


def theirs_of(base: str, case: Case) -> dict[str, Any]:
    if not case.step:
        return real.ask(base, "query", query=case.query, time=case.start / 1000)
    span = {"start": case.start / 1000, "end": case.end / 1000, "step": case.step / 1000}
    return real.ask(base, "query_range", query=case.query, **span)
