"""The pages' own API under /api/drawn: dashboards as we draw them, their variables, panels and what import leaves out.

GET    /api/drawn                             the list
POST   /api/drawn[?check=true]                a dashboard's JSON: kept (or only read); says what isn't drawn
GET    /api/drawn/UID                         the dashboard
DELETE /api/drawn/UID                         an imported one
GET    /api/drawn/UID/variables?from&to&var-… options and values, and the range in milliseconds
GET    /api/drawn/UID/panels/ID?…&width       what the panel shows
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from tejer.observe.dashboards.api.answers import answer, refused
from tejer.observe.dashboards.api.service import Service
from tejer.observe.dashboards.evaluate import Page, evaluate
from tejer.observe.dashboards.library import Entry
from tejer.observe.dashboards.model import Dashboard, Omission, Part
from tejer.observe.dashboards.reading.dashboard import Reading, read
from tejer.observe.dashboards.reading.document import MAX_BYTES, DashboardError
from tejer.observe.dashboards.resolve import VariableAnswer
from tejer.observe.dashboards.timing import Range, time_range

MAX_WANTED = 500
"""Values of variables in one address."""
DEFAULT_WIDTH = 800


class Listed(Part, frozen=True):
    uid: str
    title: str
    url: str
    folder: str
    imported: bool
    tags: tuple[str, ...]
    description: str
    panels: int
    omissions: int


class List(Part, frozen=True):
    """`problems`: files that aren't dashboards, by name."""

    dashboards: list[Listed]
    problems: dict[str, str]


class Drawn(Part, frozen=True):
    dashboard: Dashboard
    omissions: tuple[Omission, ...]
    folder: str = ""
    imported: bool = False
    url: str = ""


class Variables(Part, frozen=True):
    start: int
    end: int
    variables: Sequence[VariableAnswer]


def drawn_routes(service: Service) -> list[web.RouteDef]:
    async def on_list(_: web.Request) -> web.StreamResponse:
        entries = service.library.all()
        return answer(List(dashboards=[_listed(entry) for entry in entries], problems=service.library.problems))

    async def on_dashboard(request: web.Request) -> web.StreamResponse:
        entry = service.library.get(request.match_info["uid"])
        return answer(_drawn(entry)) if entry else _unknown(request)

    async def on_import(request: web.Request) -> web.StreamResponse:
        try:
            data = await bounded_body(request)
            if request.query.get("check") == "true":
                return answer(_only_read(read(data)))
            return answer(_drawn(service.library.add(data)), 201)
        except DashboardError as error:
            return refused(400, str(error))
        except OSError as error:
            return refused(507, f"the dashboard can't be kept: {error.strerror or error}")

    async def on_delete(request: web.Request) -> web.StreamResponse:
        if service.library.remove(request.match_info["uid"]):
            return answer({"message": "deleted"})
        return refused(404, f"no imported dashboard has uid {request.match_info['uid']}")

    async def on_variables(request: web.Request, entry: Entry, span: Range) -> web.StreamResponse:
        resolved = await service.variables(entry, _wanted(request), span)
        return answer(Variables(start=span.start, end=span.end, variables=resolved.answers))

    async def on_panel(request: web.Request, entry: Entry, span: Range) -> web.StreamResponse:
        panel = entry.reading.dashboard.panel(int(request.match_info["panel"]))
        if panel is None:
            return refused(404, f"dashboard {entry.uid} has no panel {request.match_info['panel']}")
        width = request.query.get("width", "")
        points = int(width) if width.isdigit() and len(width) < 6 else DEFAULT_WIDTH
        resolved = await service.variables(entry, _wanted(request), span)
        page = Page(entry.reading.dashboard.title, resolved.scope, span, service.sources)
        return answer(await evaluate(panel, page, points))

    return [
        web.get("/api/drawn", on_list),
        web.post("/api/drawn", on_import),
        web.get("/api/drawn/{uid}", on_dashboard),
        web.delete("/api/drawn/{uid}", on_delete),
        web.get("/api/drawn/{uid}/variables", _with_entry(service, on_variables)),
        web.get(r"/api/drawn/{uid}/panels/{panel:\d{1,9}}", _with_entry(service, on_panel)),
    ]


def _with_entry(
    service: Service, handler: Callable[[web.Request, Entry, Range], Awaitable[web.StreamResponse]]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Finds the dashboard and the range of times that the address names."""

    async def handle(request: web.Request) -> web.StreamResponse:
        entry = service.library.get(request.match_info["uid"])
        if entry is None:
            return _unknown(request)
        dashboard = entry.reading.dashboard
        if len(request.query) > MAX_WANTED:
            return refused(400, f"more than {MAX_WANTED} parameters")
        try:
            span = time_range(
                request.query.get("from", dashboard.time_from),
                request.query.get("to", dashboard.time_to),
                service.now(),
            )
        except (ValueError, OverflowError) as error:
            return refused(400, str(error))
        return await handler(request, entry, span)

    return handle


async def bounded_body(request: web.Request) -> bytes:
    """Raises DashboardError once there is more than a dashboard may have; nothing larger is ever held."""
    size = request.content_length or 0
    chunks: list[bytes] = []
    read_bytes = 0
    if size <= MAX_BYTES:
        async for chunk in request.content.iter_chunked(65536):
            read_bytes += len(chunk)
            if read_bytes > MAX_BYTES:
                break
            chunks.append(chunk)
    if max(size, read_bytes) > MAX_BYTES:
        raise DashboardError(f"{max(size, read_bytes):,} bytes are more than a dashboard may have ({MAX_BYTES:,})")
    return b"".join(chunks)


def _wanted(request: web.Request) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for name, value in request.query.items():
        if name.startswith("var-"):
            wanted.setdefault(name.removeprefix("var-"), []).append(value)
    return wanted


def _unknown(request: web.Request) -> web.Response:
    return refused(404, f"no dashboard has uid {request.match_info['uid']}")


def _listed(entry: Entry) -> Listed:
    dashboard = entry.reading.dashboard
    return Listed(
        uid=entry.uid, title=dashboard.title, url=entry.url, folder=entry.folder, imported=entry.imported,
        tags=dashboard.tags, description=dashboard.description, panels=sum(len(row.panels) for row in dashboard.rows),
        omissions=len(entry.reading.omissions),
    )  # fmt: skip


def _drawn(entry: Entry) -> Drawn:
    return Drawn(
        dashboard=entry.reading.dashboard, omissions=entry.reading.omissions, folder=entry.folder,
        imported=entry.imported, url=entry.url,
    )  # fmt: skip


def _only_read(reading: Reading) -> Drawn:
    return Drawn(dashboard=reading.dashboard, omissions=reading.omissions)
