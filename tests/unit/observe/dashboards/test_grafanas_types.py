"""A real Grafana reads what we ship: its own generated types lose nothing of it that says something."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.unit.observe.dashboards.test_shipped import dashboards

NOT_IN_THE_TYPES = {".templating.list[].definition"}
"""What Grafana 11's editor writes beside a variable's query, and shows in its list of variables."""


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Paths of what says something in `ours` and isn't, or is something else, in `theirs`."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            if isinstance(theirs, dict) and key in theirs:
                yield from lost(value, theirs[key], f"{path}.{key}")
            elif value not in (None, "", [], {}, False, 0):
                yield f"{path}.{key}"
    elif isinstance(ours, list):
        assert isinstance(theirs, list)
        assert len(ours) == len(theirs), path
        for one, other in zip(ours, theirs, strict=True):
            yield from lost(one, other, f"{path}[]")
    elif ours != theirs:
        yield f"{path}: {ours!r} became {theirs!r}"


@pytest.mark.parametrize("path", dashboards())
def test_grafanas_types_read_them_whole(path: Path) -> None:
    register_default_plugins()
    ours = json.loads(path.read_text())
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))
    assert set(lost(ours, theirs)) - NOT_IN_THE_TYPES == set()


def test_a_field_that_grafana_does_not_know_is_found() -> None:
    assert list(lost({"a": [{"b": 1, "c": None}]}, {"a": [{}]})) == [".a[].b"]
