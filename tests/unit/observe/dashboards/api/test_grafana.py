"""The parts of Grafana's API that Kiali and scripts use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from tejer.observe.dashboards.library import Library, Shelf
from tests.unit.observe.dashboards.fake_prometheus import Client, FakePrometheus, serving

SHIPPED = Path(__file__).parents[5] / "infrastructure/grafana"


def run(tmp_path: Path, work: Callable[[Client], Awaitable[None]]) -> None:
    async def main() -> None:
        async with serving(Library([Shelf("istio", SHIPPED)], tmp_path), FakePrometheus()) as client:
            await work(client)

    asyncio.run(main())


def test_kiali_finds_its_links(tmp_path: Path) -> None:
    """By title, as its configuration names them; it takes the first result's url."""
    titles = {
        "Istio Service Dashboard": "LJ_uJAvmk",
        "Istio Workload Dashboard": "UbsSZTDik",
        "Istio Mesh Dashboard": "G8wLrJIMk",
        "Istio Control Plane Dashboard": "3--MLVZZk",
        "Istio Performance Dashboard": "vu8e0VWZk",
    }

    async def work(client: Client) -> None:
        for title, uid in titles.items():
            found = await (await client.get("/api/search", params={"query": title})).json()
            assert [one["url"].split("/")[2] for one in found] == [uid]
        assert (await (await client.get("/api/frontend/settings")).json())["buildInfo"]["version"]
        assert (await (await client.get("/api/health")).json())["database"] == "ok"

    run(tmp_path, work)


def test_a_dashboard_is_saved_found_and_deleted_as_scripts_do(tmp_path: Path) -> None:
    async def work(client: Client) -> None:
        body = {"dashboard": {"uid": "x", "title": "X", "panels": []}, "overwrite": True}
        saved = await (await client.post("/api/dashboards/db", json=body)).json()
        assert (saved["uid"], saved["url"], saved["status"]) == ("x", "/d/x/x", "success")
        found = await (await client.get("/api/dashboards/uid/x")).json()
        assert (found["dashboard"]["title"], found["meta"]["provisioned"]) == ("X", False)
        assert (await client.delete("/api/dashboards/uid/x")).status == 200
        assert (await client.get("/api/dashboards/uid/x")).status == 404
        assert (await client.delete("/api/dashboards/uid/G8wLrJIMk")).status == 400

    run(tmp_path, work)


def test_data_sources_show_no_secret(tmp_path: Path) -> None:
    async def main() -> None:
        headers = (("Authorization", "Bearer hush"),)
        async with serving(Library([], tmp_path), FakePrometheus(), headers) as client:
            text = await (await client.get("/api/datasources")).text()
            assert json.loads(text)[0]["type"] == "prometheus"
            assert "hush" not in text

    asyncio.run(main())
