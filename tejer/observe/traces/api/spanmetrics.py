"""`/api/metrics/*`: rates and latencies of a service, computed from the spans that are kept. Jaeger's "Monitor" tab.

They are of sampled requests only, so rates are those of what was sampled; Prometheus's place has the mesh's real ones.
Answers are Jaeger's MetricFamily as JSON (proto/api_v2/metrics/openmetrics.proto). Times in a query: milliseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from aiohttp import web

from tejer.observe.traces.api.answers import Answer, Envelope, answering
from tejer.observe.traces.api.parameters import kind_number, number
from tejer.observe.traces.api.v1 import ENVELOPE as V1
from tejer.observe.traces.spans import SERVER
from tejer.observe.traces.store.reading import durations
from tejer.observe.traces.store.store import Store

MOST_POINTS = 1000
MOST_SPANS = 200_000
_MS = 1_000_000


class Wanted(NamedTuple):
    """Times and durations in nanoseconds; each point looks back over `window`."""

    services: tuple[str, ...]
    kinds: tuple[int, ...]
    by_operation: bool
    quantile: float
    end: int
    lookback: int
    step: int
    window: int

    @property
    def points(self) -> range:
        return range(self.end - self.lookback, self.end + 1, self.step)


class Row(NamedTuple):
    start: int
    duration: int
    error: bool


class Metric(NamedTuple):
    """`value` of the rows of one window; None where there is nothing to say."""

    name: str
    help: str
    value: Callable[[Sequence[Row], Wanted], float | None]


def _calls(rows: Sequence[Row], wanted: Wanted) -> float | None:
    return len(rows) / (wanted.window / 1e9)


def _errors(rows: Sequence[Row], _: Wanted) -> float | None:
    return sum(row.error for row in rows) / len(rows) if rows else 0.0


def _latency(rows: Sequence[Row], wanted: Wanted) -> float | None:
    if not rows:
        return None
    ordered = sorted(row.duration for row in rows)
    return ordered[min(len(ordered) - 1, int(wanted.quantile * len(ordered)))] / 1e6


METRICS: Mapping[str, Metric] = {
    "calls": Metric("call_rate", "calls/sec", _calls),
    "errors": Metric("error_rate", "error rate, computed as a fraction of errors/sec over calls/sec", _errors),
    "latencies": Metric("latencies", "{quantile}th quantile latency in milliseconds", _latency),
}


def metrics_routes(store: Store) -> list[web.RouteDef]:
    plain = Envelope(lambda body: body, V1.failure)
    return [
        web.get("/api/metrics/minstep", answering(V1, _min_step)),
        *(
            web.get(f"/api/metrics/{path}", answering(plain, _metric(store, metric)))
            for path, metric in METRICS.items()
        ),
    ]


async def _min_step(_: web.Request) -> Any:
    return 1000


def _metric(store: Store, metric: Metric) -> Answer:
    async def answer(request: web.Request) -> Any:
        wanted = wanted_of(request, store.clock())
        series: dict[tuple[str, str], list[Row]] = {}
        for service in wanted.services:
            begin = wanted.end - wanted.lookback - wanted.window
            rows = await store.ask(
                lambda db, service=service, begin=begin: _bounded(  # type: ignore[misc]
                    durations(db, service, wanted.kinds, begin, wanted.end)
                )
            )
            for start, duration, error, operation in rows:
                key = (service, operation if wanted.by_operation else "")
                series.setdefault(key, []).append(Row(start, duration, bool(error)))
        return family(metric, wanted, series)

    return answer


def _bounded(rows: Iterator[Any]) -> list[Any]:
    found = []
    for row in rows:
        found.append(row)
        if len(found) > MOST_SPANS:
            raise ValueError(f"lookback: more than {MOST_SPANS} spans are in this time: ask for less of it")
    return found


def wanted_of(request: web.Request, now_ns: int) -> Wanted:
    """Raises ValueError that names the parameter."""
    query = request.query
    services = tuple(query.getall("service", []))[:20]
    if not services:
        raise ValueError("service: name one, /api/services lists them")
    kinds = [kind_number("spanKind", text) for text in query.getall("spanKind", [])]
    quantile = query.get("quantile", "0.95")
    try:
        if not 0 <= float(quantile) <= 1:
            raise ValueError
    except ValueError:
        raise ValueError(f"quantile: {quantile[:40]!r} is not a number from 0 to 1") from None
    wanted = Wanted(
        services, tuple(kind for kind in kinds if kind is not None) or (SERVER,),
        query.get("groupByOperation", "") in ("true", "1"), float(quantile),
        number("endTs", query.get("endTs", ""), now_ns // _MS) * _MS,
        number("lookback", query.get("lookback", ""), 3_600_000, 1) * _MS,
        number("step", query.get("step", ""), 5000, 1) * _MS,
        number("ratePer", query.get("ratePer", ""), 600_000, 1) * _MS,
    )  # fmt: skip
    if len(wanted.points) > MOST_POINTS:
        raise ValueError(f"step: this makes more than {MOST_POINTS} points: take a longer one")
    return wanted


def family(metric: Metric, wanted: Wanted, series: Mapping[tuple[str, str], Sequence[Row]]) -> dict[str, Any]:
    """`series` is rows by start for each (service, operation)."""
    group = "service_operation" if wanted.by_operation else "service"
    words = metric.help.format(quantile=wanted.quantile)
    return {
        "name": f"{group}_{metric.name}",
        "type": "GAUGE",
        "help": f"{words}, grouped by service{' & operation' if wanted.by_operation else ''}",
        "metrics": [
            {
                "labels": [
                    *([{"name": "operation", "value": operation}] if wanted.by_operation else []),
                    {"name": "service_name", "value": service},
                ],
                "metricPoints": list(_points(metric, wanted, rows)),
            }
            for (service, operation), rows in sorted(series.items())
        ],
    }


def _points(metric: Metric, wanted: Wanted, rows: Sequence[Row]) -> Iterable[dict[str, Any]]:
    starts = [row.start for row in rows]
    work = accumulate(_window(starts, at, wanted.window)[1] - _window(starts, at, wanted.window)[0]
                      for at in wanted.points)  # fmt: skip
    if max(work, default=0) > 20 * MOST_SPANS:
        raise ValueError("ratePer: too many spans for so many points: take a longer step or a shorter ratePer")
    for at in wanted.points:
        first, last = _window(starts, at, wanted.window)
        value = metric.value(rows[first:last], wanted)
        if value is not None:
            moment = datetime.fromtimestamp(at / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            yield {"gaugeValue": {"doubleValue": value}, "timestamp": moment}


def _window(starts: Sequence[int], at: int, window: int) -> tuple[int, int]:
    return bisect_right(starts, at - window), bisect_right(starts, at)
