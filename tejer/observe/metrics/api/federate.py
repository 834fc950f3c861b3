"""`/federate`: the newest sample of every series that a selector asks for, as Prometheus text.

Source: prometheus.io/docs/prometheus/latest/federation, prometheus/web/federate.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from aiohttp import web

from tejer.observe.metrics.api.targets import ReadMatchers
from tejer.observe.metrics.promql.selecting import LOOKBACK_MS, newest, newest_times
from tejer.observe.metrics.selfmetrics import escape
from tejer.observe.metrics.series import Labels, Matcher, Querier

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def federate_routes(
    querier: Querier,
    read_matchers: ReadMatchers,
    external_labels: Callable[[], Mapping[str, str]],
    clock: Callable[[], int],
) -> list[web.RouteDef]:
    async def on_federate(request: web.Request) -> web.Response:
        try:
            wanted = [read_matchers(text) for text in request.query.getall("match[]", [])]
            text = await asyncio.to_thread(federated, querier, wanted, external_labels(), clock())
        except (ValueError, TimeoutError) as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        return web.Response(text=text, headers={"Content-Type": _TEXT})

    return [web.get("/federate", on_federate)]


def federated(
    querier: Querier, wanted: Sequence[Sequence[Matcher]], external_labels: Mapping[str, str], now: int
) -> str:
    """The text, ordered by metric and labels. `now` in milliseconds."""
    at = np.array([now], np.int64)
    samples: dict[Labels, tuple[float, int]] = {}
    for matchers in wanted:
        blocks = querier.select(matchers, now - LOOKBACK_MS, now)
        values, times = newest(blocks, at), newest_times(blocks, at)
        for labels, value, time in zip(values.labels, values.values[:, 0], times.values[:, 0], strict=True):
            samples[labels] = (float(value), round(float(time) * 1000))
    return "".join(_lines(samples, external_labels))


def _lines(samples: Mapping[Labels, tuple[float, int]], external_labels: Mapping[str, str]) -> Iterator[str]:
    previous = None
    named = sorted((dict(labels).get("__name__", ""), labels) for labels in samples)
    for name, labels in named:
        if name != previous:
            yield f"# TYPE {name} untyped\n"
            previous = name
        shown = {"instance": "", **external_labels, **{key: value for key, value in labels if key != "__name__"}}
        text = ",".join(f'{key}="{escape(value)}"' for key, value in sorted(shown.items()))
        value, time = samples[labels]
        yield f"{name}{{{text}}} {_number(value)} {time}\n"


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    return f"{value:.17g}".replace("inf", "Inf")
