"""The subset of JSONPath that CRDs use: `.a.b[0].c`, `[*]`, `['x']`, `[?(@.type=="Ready")]`, `\\.` escapes."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(
    r"""\.?(?P<name>(?:\\.|[^.\[\]\\])+)"""
    r"""|\[\?\(\s*@\.(?P<key>[\w./-]+)\s*==\s*(?P<quote>['"])(?P<value>[^'"]*)(?P=quote)\s*\)\]"""
    r"""|\[(?P<index>-?\d+|\*)\]"""
    r"""|\[['"](?P<member>[^'"]*)['"]\]"""
)


def find(value: Any, path: str) -> list[Any]:
    """All values at `path`; an empty list where nothing is."""
    found = [value]
    for step in _STEP.finditer(path.strip().removeprefix("{").removesuffix("}")):
        found = [inner for outer in found for inner in _follow(outer, step)]
    return found


def _follow(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["member"] if step["name"] is None else re.sub(r"\\(.)", r"\1", step["name"])
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if step["key"] is not None:
        if not isinstance(value, list):
            return []
        return [item for item in value if isinstance(item, dict) and str(_dotted(item, step["key"])) == step["value"]]
    if step["index"] == "*":
        return list(value) if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    index = int(step["index"])
    return [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []


def _dotted(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def split(path: str) -> list[str]:
    """The member names of a plain path such as `.spec.replicas`."""
    return [part for part in path.strip().lstrip(".").split(".") if part]
