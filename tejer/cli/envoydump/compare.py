"""What istiod wants a proxy to have against what its Envoy has: `proxy-status POD`. istioctl's sentences."""

from __future__ import annotations

import difflib
import json
from typing import NamedTuple

from tejer.cli.envoydump.dump import Dump, Json

CONTEXT = 7


class Comparison(NamedTuple):
    """`lines` are for people; `same` says whether everything matches."""

    lines: list[str]
    same: bool


def compare(wanted: Json, has: Json) -> Comparison:
    """`wanted` is istiod's page /debug/config_dump, `has` Envoy's /config_dump."""
    dump = Dump(has)
    configs = wanted.get("configs") or {}
    lines: list[str] = []
    same = True
    for short, title, resources in (
        ("CDS", "Clusters", dump.clusters()),
        ("LDS", "Listeners", dump.listeners()),
        ("RDS", "Routes", dump.routes()),
    ):
        mine = {str(item.get("name", "")): _plain(item) for item in resources}
        theirs = {name: _plain(entry.get("resource") or {}) for name, entry in (configs.get(short) or {}).items()}
        # What Envoy was started with is not istiod's.
        difference = _difference({name: body for name, body in mine.items() if name in theirs}, theirs)
        lines.append(f"{title} Match" if not difference else f"{title} Don't Match")
        lines += difference
        same = same and not difference
    return Comparison(lines, same)


def _plain(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name != "@type"}


def _difference(has: dict[str, Json], wanted: dict[str, Json]) -> list[str]:
    lines: list[str] = []
    for name in sorted(wanted):
        if has.get(name) == wanted[name]:
            continue
        theirs, mine = _lines(wanted[name]), _lines(has.get(name))
        lines += difflib.unified_diff(theirs, mine, f"Istiod {name}", f"Envoy {name}", n=CONTEXT, lineterm="")
    return lines


def _lines(resource: Json | None) -> list[str]:
    return json.dumps(resource, indent=2, sort_keys=True).splitlines() if resource else []
