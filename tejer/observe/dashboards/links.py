"""Links with a dashboard's variables and times put in. Pure."""

from __future__ import annotations

import msgspec

from tejer.observe.dashboards import variables
from tejer.observe.dashboards.model import Link, Panel
from tejer.observe.dashboards.timing import Range
from tejer.observe.dashboards.variables import FormatError, Scope


def readable(text: str, scope: Scope) -> str:
    """A title; one that asks for a format that doesn't exist stays as it stands."""
    try:
        return variables.for_reader(text, scope)
    except FormatError:
        return text


def filled(link: Link, scope: Scope, span: Range) -> Link:
    """What belongs to a row (`${__data.fields.x}`) stays, to be put in where the row is known."""
    url = link.url
    for name, text in (
        ("__url_time_range", f"from={span.start}&to={span.end}"), ("__all_variables", variables.url_variables(scope)),
    ):  # fmt: skip
        url = url.replace(f"${{{name}}}", text).replace(f"${name}", text)
    try:
        url = variables.for_url(url, scope)
    except FormatError:
        url = ""
    return msgspec.structs.replace(link, url=url, title=readable(link.title, scope))


def with_links(panel: Panel, scope: Scope, span: Range) -> Panel:
    """The panel with the data links of its fields filled."""

    def all_of(links: object) -> tuple[Link, ...]:
        return tuple(filled(link, scope, span) for link in links) if isinstance(links, tuple) else ()

    overrides = tuple(
        msgspec.structs.replace(one, changes={**one.changes, "links": all_of(one.changes["links"])})
        if "links" in one.changes
        else one
        for one in panel.overrides
    )
    style = msgspec.structs.replace(panel.style, links=all_of(panel.style.links))
    return msgspec.structs.replace(panel, style=style, overrides=overrides)
