"""A dashboard's JSON → Dashboard and the list of what isn't drawn. Pure.

Nothing of the user's JSON is dropped in silence: what has an effect in Grafana and none here is an Omission.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal, NamedTuple

import msgspec

from tejer.observe.dashboards.model import Dashboard, Grid, Link, Omission, Panel, Row, Variable
from tejer.observe.dashboards.reading.document import DashboardError, Json, parse
from tejer.observe.dashboards.reading.fields import is_safe
from tejer.observe.dashboards.reading.panels import datasource, read_panel
from tejer.observe.dashboards.reading.take import Omissions, child, children, flag, integer, text, texts
from tejer.observe.dashboards.reading.upgrade import with_grid

MAX_PANELS = 300
MAX_VARIABLES = 60
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NAME = re.compile(r"\w{1,50}")
_VARIABLE_KINDS = ("query", "custom", "interval", "constant", "datasource", "textbox")
_SHARED: tuple[Literal["nothing", "crosshair", "tooltip"], ...] = ("nothing", "crosshair", "tooltip")
_HIDE = {1: "label", 2: "variable", "hideLabel": "label", "hideVariable": "variable"}


class Reading(NamedTuple):
    """`source` is the JSON as it came, for those who want it back."""

    dashboard: Dashboard
    omissions: tuple[Omission, ...]
    source: Json


def read(data: bytes) -> Reading:
    """Raises DashboardError for what can't be a dashboard; whatever else isn't understood is an omission."""
    return read_dashboard(parse(data))


def read_dashboard(body: Json) -> Reading:
    if not isinstance(body.get("panels"), list) and not isinstance(body.get("rows"), list):
        raise DashboardError('no list "panels": is this a dashboard\'s JSON?')
    title = text(body, "title").strip()
    if not title:
        raise DashboardError('no "title"')
    omissions = Omissions()
    rows = _rows(with_grid(body), omissions)
    omissions.where = "templating"
    variables = _variables(body, omissions)
    _annotations(body, omissions)
    time = child(body, "time")
    refresh = text(body, "refresh")
    dashboard = Dashboard(
        uid=_uid(body, title),
        title=title[:200],
        description=text(body, "description"),
        tags=texts(body.get("tags"))[:50],
        rows=rows,
        variables=variables,
        links=_links(body, omissions),
        time_from=text(time, "from", "now-6h"),
        time_to=text(time, "to", "now"),
        refresh=refresh,
        shared=_SHARED[integer(body, "graphTooltip", 0, 0, 2)],
    )
    return Reading(dashboard, omissions.all(), body)


def _uid(body: Json, title: str) -> str:
    """The JSON's own; for one without, the same for the same title, so importing twice replaces."""
    uid = text(body, "uid")
    return uid if _UID.fullmatch(uid) else hashlib.sha256(title.encode()).hexdigest()[:14]


def _rows(panels: list[Json], omissions: Omissions) -> tuple[Row, ...]:
    rows: list[Row] = []
    title, collapsed = "", False
    found: list[Panel] = []
    taken: set[int] = set()
    count = 0

    def close() -> None:
        if found or title:
            ordered = sorted(found, key=lambda one: (one.grid.y, one.grid.x))
            rows.append(Row(title=title, collapsed=collapsed, panels=tuple(ordered)))

    for body in panels:
        is_row = text(body, "type") == "row"
        if is_row:
            close()
            title, collapsed, found = text(body, "title"), flag(body, "collapsed"), []
            if text(body, "repeat"):
                omissions.add("repeat", text(body, "repeat"), title)
        for one in children(body, "panels") if is_row else [body]:
            count += 1
            if count > MAX_PANELS:
                raise DashboardError(f"more than {MAX_PANELS} panels")
            panel = read_panel(one, count, _grid(one), omissions)
            if panel.id in taken or panel.id == 0:
                panel = msgspec.structs.replace(panel, id=max(taken, default=0) + 1000)
            taken.add(panel.id)
            found.append(panel)
    close()
    return tuple(rows)


def _grid(body: Json) -> Grid:
    place = child(body, "gridPos")
    width = integer(place, "w", 12, 1, 24)
    return Grid(
        x=integer(place, "x", 0, 0, 24 - width), y=integer(place, "y", 0, 0, 5000),
        w=width, h=integer(place, "h", 8, 1, 60),
    )  # fmt: skip


def _variables(body: Json, omissions: Omissions) -> tuple[Variable, ...]:
    found = []
    for one in children(child(body, "templating"), "list", MAX_VARIABLES):
        name, kind = text(one, "name"), text(one, "type", "query")
        if kind not in _VARIABLE_KINDS or not _NAME.fullmatch(name):
            omissions.add("variable", f"{name} ({kind})")
            continue
        found.append(_variable(one, name, kind))
    return tuple(found)


def _variable(body: Json, name: str, kind: str) -> Variable:
    query = body.get("query")
    current = child(body, "current").get("value")
    hide = body.get("hide")
    return Variable(
        name=name,
        kind=kind,  # type: ignore[arg-type]  # the caller looked it up
        label=text(body, "label"),
        query=text(query, "query") if isinstance(query, dict) else text(body, "query"),
        regex=text(body, "regex"),
        sort=integer(body, "sort", 0, 0, 8),
        multi=flag(body, "multi"),
        include_all=flag(body, "includeAll"),
        all_value=text(body, "allValue"),
        hide=_HIDE.get(hide, "") if isinstance(hide, int | str) else "",  # type: ignore[arg-type]
        current=texts(current, 100),
        datasource=datasource(body.get("datasource")),
        description=text(body, "description"),
    )


def _annotations(body: Json, omissions: Omissions) -> None:
    for one in children(child(body, "annotations"), "list", 100):
        built_in = one.get("builtIn") in (1, True) or datasource(one.get("datasource")) in ("-- Grafana --", "grafana")
        if not built_in and one.get("enable") is not False:
            omissions.add("annotation", text(one, "name"), "annotations")


def _links(body: Json, omissions: Omissions) -> tuple[Link, ...]:
    """Those that name a page; those that list dashboards by tag are named instead."""
    found = []
    for one in children(body, "links", 50):
        url, title = text(one, "url"), text(one, "title")
        if text(one, "type") == "dashboards":
            omissions.add("link", f"{title} (by tag: {', '.join(texts(one.get('tags')))})", "links")
        elif is_safe(url):
            found.append(Link(title=title or url, url=url, new_tab=flag(one, "targetBlank")))
        else:
            omissions.add("link", url, "links")
    return tuple(found)
