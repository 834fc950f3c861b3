"""Our API: panels evaluated, variables resolved, JSON imported."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tejer.observe.dashboards.library import Library, Shelf
from tejer.observe.dashboards.reading.document import MAX_BYTES
from tests.unit.observe.dashboards.fake_prometheus import Client, FakePrometheus, Refusal, refusal, serving

RANGE = {"from": "1000000000000", "to": "1000000600000"}
DASHBOARD = {
    "uid": "u", "title": "Requests to $service",
    "templating": {"list": [
        {"type": "query", "name": "service", "query": "label_values(istio_requests_total, destination_service)"},
        {"type": "query", "name": "wl", "query": 'label_values(m{s="$service"}, workload)', "multi": True,
         "includeAll": True, "allValue": ".*", "current": {"value": ["$__all"]}},
    ]},
    "panels": [
        {"id": 1, "type": "timeseries", "title": "$service", "targets": [
            {"refId": "A", "expr": 'rate(m{s="$service", w=~"$wl"}[$__rate_interval])', "legendFormat": "{{code}}"},
            {"refId": "B", "expr": "broken("}]},
        {"id": 2, "type": "text", "options": {"mode": "markdown", "content": "Hello **$service** <script>x</script>"}},
        {"id": 3, "type": "table", "targets": [{"refId": "A", "expr": "t", "format": "table", "instant": True}]},
    ],
}  # fmt: skip
QUERY = 'rate(m{s="a.b", w=~".*"}[1m])'


def run(tmp_path: Path, prometheus: FakePrometheus, work: Callable[[Client], Awaitable[None]], **more: Any) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/u.json").write_text(json.dumps(DASHBOARD))

    async def main() -> None:
        async with serving(
            Library([Shelf("istio", tmp_path / "shelf")], tmp_path / "data"), prometheus, **more
        ) as client:
            await work(client)

    asyncio.run(main())


async def answered(client: Client, path: str, **parameters: str) -> Any:
    response = await client.get(path, params={**RANGE, **parameters})
    assert response.status == 200, await response.text()
    return await response.json()


def services() -> FakePrometheus:
    matrix = {"resultType": "matrix", "result": [{"metric": {"code": "200"}, "values": [[1000000015, "2"]]}]}
    return FakePrometheus({"destination_service": ["a.b", "c.d"], "workload": ["w"], QUERY: matrix,
                           "broken(": refusal(400, "parse error: unclosed")})  # fmt: skip


def test_a_panel_is_evaluated_with_its_variables(tmp_path: Path) -> None:
    prometheus = services()

    async def work(client: Client) -> None:
        panel = await answered(client, "/api/drawn/u/panels/1")
        assert panel["title"] == "a.b"
        assert [(one["name"], one["values"]) for one in panel["view"]["series"]] == [("200", [2])]
        first, second = panel["queries"]
        assert (first["expr"], first["step"], first["series"]) == (QUERY, 15_000, 1)
        assert (second["status"], second["error"]) == (400, "parse error: unclosed")

    run(tmp_path, prometheus, work)
    (asked,) = [given for path, given in prometheus.asked if given.get("query") == QUERY]
    assert (asked["start"], asked["end"], asked["step"]) == ("999999990.000", "1000000590.000", "15")


def test_variables_say_their_options_and_the_address_chooses(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        found = await answered(client, "/api/drawn/u/variables")
        assert (found["start"], found["end"]) == (1_000_000_000_000, 1_000_000_600_000)
        service, workload = found["variables"]
        assert [one["value"] for one in service["options"]] == ["a.b", "c.d"]
        assert (service["values"], workload["values"], workload["text"]) == (["a.b"], ["$__all"], "All")
        chosen = await answered(client, "/api/drawn/u/variables", **{"var-service": "c.d"})
        assert chosen["variables"][0]["values"] == ["c.d"]

    run(tmp_path, services(), work)


def test_panels_of_one_page_work_the_variables_out_once(tmp_path: Path) -> None:
    prometheus = services()

    async def work(client: Client) -> None:
        await asyncio.gather(*(answered(client, f"/api/drawn/u/panels/{number}") for number in (1, 2, 3, 1)))

    run(tmp_path, prometheus, work)
    assert [path for path, _ in prometheus.asked].count("label/destination_service/values") == 1


def test_a_text_panel_is_sanitised(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        panel = await answered(client, "/api/drawn/u/panels/2")
        assert panel["view"]["html"].strip() == "<p>Hello <strong>a.b</strong> </p>"

    run(tmp_path, services(), work)


@pytest.mark.parametrize("data", [[], None, 3, {}, {"result": 1}])
def test_an_answer_that_is_none_is_told(tmp_path: Path, data: Any) -> None:
    async def work(client: Client) -> None:
        panel = await answered(client, "/api/drawn/u/panels/3")
        assert "gave no result" in panel["queries"][0]["error"]

    run(tmp_path, FakePrometheus({"t": Refusal(200, json.dumps({"status": "success", "data": data}))}), work)


def test_the_token_goes_to_the_data_source(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    prometheus = services()

    async def work(client: Client) -> None:
        await answered(client, "/api/drawn/u/panels/3")

    run(tmp_path, prometheus, work, headers=(("Authorization", f"Bearer $__file{{{tmp_path / 'token'}}}"),))
    assert {headers.get("Authorization") for headers in prometheus.headers} == {"Bearer secret"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Refusal(401, "no"), "wants a token"),
        (Refusal(200, "<html>"), "answered 200"),
        (Refusal(302, headers={"Location": "http://elsewhere"}), "answered 302"),
        (refusal(422, "subqueries are not supported"), "not supported"),
    ],
)
def test_what_a_data_source_refuses_is_told_in_the_panel(tmp_path: Path, answer: Refusal, said: str) -> None:
    async def work(client: Client) -> None:
        panel = await answered(client, "/api/drawn/u/panels/3")
        assert said in panel["queries"][0]["error"]

    run(tmp_path, FakePrometheus({"t": answer}), work)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/drawn/nobody", 404), ("/api/drawn/u/panels/99", 404), ("/api/drawn/u/panels/1?from=later", 400),
        ("/api/drawn/u/panels/1?from=now&to=now-1h", 400), ("/api/drawn/u/panels/1?from=999999999999999&to=now", 400),
        ("/api/drawn/u/panels/1?" + "&".join(f"var-a={n}" for n in range(600)), 400),
    ],
)  # fmt: skip
def test_wrong_addresses_are_refused_with_the_reason(tmp_path: Path, path: str, status: int) -> None:
    async def work(client: Client) -> None:
        response = await client.get(path)
        assert response.status == status
        assert (await response.json())["message"]

    run(tmp_path, services(), work)


def test_import_says_first_what_it_leaves_out_and_then_keeps_the_json_whole(tmp_path: Path) -> None:
    foreign = {"title": "Mine", "uid": "mine", "panels": [{"type": "geomap", "title": "Where"}], "editable": True}

    async def work(client: Client) -> None:
        checked = await client.post("/api/drawn?check=true", json=foreign)
        named = [{"where": "Where", "kind": "panelType", "name": "geomap"}]
        assert (checked.status, (await checked.json())["omissions"]) == (200, named)
        assert (await client.get("/api/drawn/mine")).status == 404
        kept = await client.post("/api/drawn", json=foreign)
        assert (kept.status, (await kept.json())["omissions"]) == (201, named)
        source = await (await client.get("/api/dashboards/uid/mine")).json()
        assert source["dashboard"] == foreign
        assert (await client.delete("/api/drawn/mine")).status == 200
        assert (await client.delete("/api/drawn/u")).status == 404

    run(tmp_path, services(), work)


def test_ten_megabytes_are_refused_and_others_are_served(tmp_path: Path) -> None:
    async def chunks() -> Any:
        for _ in range(2 * MAX_BYTES // 65536):
            yield b" " * 65536

    async def work(client: Client) -> None:
        for data in (io.BytesIO(b" " * (10 * 1024 * 1024)), chunks()):
            response = await client.post("/api/drawn", data=data)
            assert response.status == 400
            assert "more than a dashboard may have" in (await response.json())["message"]
        assert (await client.get("/api/drawn/u")).status == 200

    run(tmp_path, services(), work)
