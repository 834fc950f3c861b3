"""Typed looks into JSON that may hold anything, and the list of what was left out."""

from __future__ import annotations

import re
from collections.abc import Collection

from tejer.observe.dashboards.model import Omission
from tejer.observe.dashboards.reading.document import Json

MAX_TEXT = 100_000
MAX_OMISSIONS = 500
_COLOR = re.compile(r"[#\w(),.% -]{1,40}")


def text(body: Json, key: str, default: str = "") -> str:
    value = body.get(key)
    return value[:MAX_TEXT] if isinstance(value, str) else default


def color(body: Json, key: str) -> str:
    """A colour's name or CSS notation; anything that could say more than a colour is nothing."""
    value = text(body, key)
    return value if _COLOR.fullmatch(value) and "url" not in value.lower() else ""


def number(body: Json, key: str) -> float | None:
    """A finite number; numbers written as text count, as Grafana reads them."""
    value = body.get(key)
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found - found == 0 else None


def integer(body: Json, key: str, default: int = 0, low: int = 0, high: int = 1_000_000) -> int:
    value = number(body, key)
    return default if value is None else int(min(max(value, low), high))


def flag(body: Json, key: str, default: bool = False) -> bool:
    value = body.get(key)
    return value if isinstance(value, bool) else default


def child(body: Json, *path: str) -> Json:
    """The object at `path`, or an empty one."""
    for key in path:
        inner = body.get(key)
        if not isinstance(inner, dict):
            return {}
        body = inner
    return body


def children(body: Json, key: str, limit: int = 1000) -> list[Json]:
    """The objects of a list; what isn't an object is skipped."""
    value = body.get(key)
    return [one for one in value[:limit] if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: object, limit: int = 1000) -> tuple[str, ...]:
    """`"a"`, `["a", "b"]` and numbers as texts; anything else is nothing."""
    if isinstance(value, str):
        return (value[:MAX_TEXT],)
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, int | float):
        return (f"{value:g}",)
    if isinstance(value, list):
        return tuple(found for one in value[:limit] if not isinstance(one, list) for found in texts(one))
    return ()


class Omissions:
    """Collects what isn't drawn while a dashboard is read: each thing once, the first MAX_OMISSIONS."""

    def __init__(self) -> None:
        self._found: dict[Omission, None] = {}
        self.where = ""

    def add(self, kind: str, name: str, where: str | None = None) -> None:
        if len(self._found) < MAX_OMISSIONS:
            self._found[Omission(where=self.where if where is None else where, kind=kind, name=name[:200])] = None

    def unknown(self, kind: str, body: Json, known: Collection[str], prefix: str = "") -> None:
        """Every key of `body` that says something and isn't `known`."""
        for key, value in body.items():
            if key not in known and not _says_nothing(value):
                self.add(kind, prefix + key)

    def all(self) -> tuple[Omission, ...]:
        return tuple(self._found)


def _says_nothing(value: object) -> bool:
    return value is None or value is False or value in ("", [], {}, "none", "off", "auto")
