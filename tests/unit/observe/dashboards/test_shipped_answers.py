"""Our engine answers every expression of the shipped dashboards: none is "not supported"."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tejer.observe.dashboards import variables
from tejer.observe.dashboards.reading.dashboard import read
from tejer.observe.metrics.api.asking import Asker
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.series import Labels
from tejer.observe.metrics.store.fixed import FixedStore
from tests.unit.observe.dashboards.test_shipped import SPAN, dashboards, panels, scope

REQUESTS: Labels = (
    ("__name__", "istio_requests_total"), ("destination_service", "x.y"), ("destination_workload", "x.y"),
    ("reporter", "source"), ("response_code", "200"),
)  # fmt: skip
STORE = FixedStore([(REQUESTS, [(SPAN.end - 60_000 + 15_000 * step, 10.0 * step) for step in range(5)])])


@pytest.mark.parametrize("path", dashboards())
def test_every_expression_is_answered(path: Path) -> None:
    dashboard = read(path.read_bytes()).dashboard
    values = scope(dashboard)

    async def ask() -> None:
        asker = Asker(STORE, Limits())
        for panel in panels(dashboard):
            for target in panel.targets:
                expr = variables.for_query(target.expr, values)
                answer = await asker.range(expr, SPAN.start, SPAN.end, 15_000, 30)
                assert answer["resultType"] == "matrix", f"{panel.title}: {expr}"
        asker.close()

    asyncio.run(ask())
