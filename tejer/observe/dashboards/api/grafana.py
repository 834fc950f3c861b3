"""The parts of Grafana's own HTTP API that other programs use: Kiali's links, provisioning scripts, health checks.

Source: grafana.com/docs/grafana/latest/developers/http_api (search, dashboard, data source, health).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tejer.kube.version import VERSION
from tejer.observe.dashboards.api.answers import answer, refused
from tejer.observe.dashboards.api.drawn import bounded_body
from tejer.observe.dashboards.api.service import Service
from tejer.observe.dashboards.library import Entry
from tejer.observe.dashboards.reading.document import DashboardError


def grafana_routes(service: Service) -> list[web.RouteDef]:
    async def on_health(_: web.Request) -> web.StreamResponse:
        return answer({"commit": "", "database": "ok", "version": VERSION})

    async def on_search(request: web.Request) -> web.StreamResponse:
        words = request.query.get("query", "").lower()
        tags = set(request.query.getall("tag", []))
        if request.query.get("type", "dash-db") != "dash-db":
            return answer([])
        found = [
            _found(place, entry)
            for place, entry in enumerate(service.library.all(), 1)
            if words in entry.reading.dashboard.title.lower() and tags <= set(entry.reading.dashboard.tags)
        ]
        return answer(found[: _limit(request.query.get("limit", ""))])

    async def on_dashboard(request: web.Request) -> web.StreamResponse:
        entry = service.library.get(request.match_info["uid"])
        if entry is None:
            return refused(404, "Dashboard not found")
        meta = {
            "type": "db", "slug": entry.slug, "url": entry.url, "provisioned": not entry.imported,
            "canSave": entry.imported, "folderTitle": entry.folder or "General", "version": 1,
        }  # fmt: skip
        return answer({"meta": meta, "dashboard": {**entry.reading.source, "uid": entry.uid}})

    async def on_save(request: web.Request) -> web.StreamResponse:
        try:
            data = await bounded_body(request)
            entry = service.library.add(data)
        except DashboardError as error:
            return refused(400, str(error))
        return answer({"uid": entry.uid, "url": entry.url, "slug": entry.slug, "status": "success", "version": 1})

    async def on_delete(request: web.Request) -> web.StreamResponse:
        entry = service.library.get(request.match_info["uid"])
        if entry is None or not service.library.remove(entry.uid):
            return refused(404 if entry is None else 400, "Dashboard not found" if entry is None else "provisioned")
        return answer({"title": entry.reading.dashboard.title, "message": f"Dashboard {entry.uid} deleted"})

    async def on_data_sources(_: web.Request) -> web.StreamResponse:
        default = service.sources.default.source
        sources = [one.source for one in service.sources.all]
        return answer(
            [
                {
                    "id": place, "uid": one.uid, "name": one.name, "type": one.kind, "access": "proxy", "url": one.url,
                    "isDefault": one is default, "readOnly": True, "jsonData": {"timeInterval": one.scrape_interval},
                }
                for place, one in enumerate(sources, 1)
            ]
        )  # fmt: skip

    async def on_settings(_: web.Request) -> web.StreamResponse:
        return answer({"buildInfo": {"version": VERSION, "edition": "Tejer"}, "appSubUrl": ""})

    return [
        web.get("/api/health", on_health),
        web.get("/api/search", on_search),
        web.get("/api/dashboards/uid/{uid}", on_dashboard),
        web.delete("/api/dashboards/uid/{uid}", on_delete),
        web.post("/api/dashboards/db", on_save),
        web.get("/api/datasources", on_data_sources),
        web.get("/api/frontend/settings", on_settings),
    ]


def _found(place: int, entry: Entry) -> dict[str, Any]:
    dashboard = entry.reading.dashboard
    return {
        "id": place, "uid": entry.uid, "title": dashboard.title, "uri": f"db/{entry.slug}", "url": entry.url,
        "slug": "", "type": "dash-db", "tags": list(dashboard.tags), "isStarred": False,
        "folderTitle": entry.folder or "General",
    }  # fmt: skip


def _limit(text: str) -> int:
    return int(text) if text.isdigit() and 0 < int(text) <= 5000 else 1000
