"""The query API by real HTTP, over a few samples."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tejer.observe.metrics.api.asking import Asker
from tejer.observe.metrics.api.query import query_routes
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.series import Labels
from tejer.observe.metrics.store.fixed import FixedStore

UP: Labels = (("__name__", "up"), ("job", "a"))
DOWN: Labels = (("__name__", "up"), ("job", "b"))
STORE = FixedStore([(UP, [(0, 1), (15_500, 1)]), (DOWN, [(0, 0.25)])])


def ask(path: str, **form: Any) -> tuple[int, dict[str, Any]]:
    async def run() -> tuple[int, dict[str, Any]]:
        asker = Asker(STORE, Limits())
        app = web.Application()
        app.add_routes(query_routes(asker, lambda: 20_000))
        async with TestClient(TestServer(app)) as client:
            answer = await (client.post(path, data=form) if form else client.get(path))
            found: dict[str, Any] = await answer.json()
        asker.close()
        return answer.status, found

    return asyncio.run(run())


def test_vectors_scalars_text_and_samples() -> None:
    up = {"metric": dict(UP), "value": [20, "1"]}
    assert ask("/api/v1/query", query='up{job="a"}')[1]["data"] == {"resultType": "vector", "result": [up]}
    assert ask("/api/v1/query?query=1/4&time=7.5")[1]["data"] == {"resultType": "scalar", "result": [7.5, "0.25"]}
    assert ask("/api/v1/query", query='"x"')[1]["data"]["result"] == [20, "x"]
    samples = ask("/api/v1/query", query='up{job="a"}[1m]')[1]["data"]
    assert samples == {
        "resultType": "matrix", "result": [{"metric": dict(UP), "values": [[0, "1"], [15.5, "1"]]}],
    }  # fmt: skip


def test_ranges() -> None:
    status, answer = ask("/api/v1/query_range", query="sum(up)", start="0", end="1970-01-01T00:00:30Z", step="15s")
    assert status == 200
    values = [[0, "1.25"], [15, "1.25"], [30, "1.25"]]
    assert answer["data"] == {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}


def test_series_labels_and_values() -> None:
    assert ask("/api/v1/series", **{"match[]": 'up{job=~"a|b"}'})[1]["data"] == [dict(UP), dict(DOWN)]
    assert ask("/api/v1/labels")[1]["data"] == ["__name__", "job"]
    assert ask("/api/v1/label/job/values?limit=1")[1]["data"] == ["a"]
    assert ask("/api/v1/label/job/values?start=10&end=20")[1]["data"] == ["a"]


def refused(path: str, **form: Any) -> tuple[int, str, str]:
    status, answer = ask(path, **form)
    assert answer["status"] == "error"
    return status, answer["errorType"], answer["error"]


def test_errors_are_prometheuss() -> None:
    assert refused("/api/v1/query", query="up +")[:2] == (400, "bad_data")
    assert refused("/api/v1/query", query="up", time="never") == (
        400, "bad_data", "invalid parameter \"time\": cannot parse 'never' to a valid timestamp",
    )  # fmt: skip
    assert refused("/api/v1/query", query="up * on () up")[:2] == (422, "execution")
    assert refused("/api/v1/query", query="histogram_avg(up)")[:2] == (422, "execution")
    assert refused("/api/v1/query", query='up{job=~"a{1,9999999}{9}("}')[0] == 400
    assert refused("/api/v1/series")[2] == "no match[] parameter provided"
    for start, end, step, why in (
        ("5", "1", "1", "end timestamp must not be before start time"),
        ("0", "1", "0", "zero or negative query resolution step widths"),
        ("0", "20000", "1", "exceeded maximum resolution of 11,000 points"),
    ):
        found = refused("/api/v1/query_range", query="up", start=start, end=end, step=step)
        assert found[:2] == (400, "bad_data")
        assert why in found[2]
    assert "must be Scalar or instant Vector" in refused(
        "/api/v1/query_range", query="up[1m]", start="0", end="1", step="1"
    )[2]  # fmt: skip


def test_a_long_query_ends_at_its_deadline() -> None:
    long = {"query": "quantile_over_time(0.5, vector(time())[1d:1s])", "start": "0", "end": "10000", "step": "1"}
    status, answer = ask("/api/v1/query_range", **long, timeout="100ms")
    assert (status, answer["errorType"]) == (503, "timeout")
