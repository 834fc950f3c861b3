"""The tables `kubectl get` prints, as golden files: `tests/golden/kubernetes/tables/<case>.{json,txt}`.

Each .json holds objects of one kind; the .txt is the table `kubectl get -o wide` would print of them.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tejer.cluster.apiserver.machinery.age import age, human_duration
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.jsonpath import find
from tejer.cluster.apiserver.machinery.tables import to_table
from tejer.kube.resource import Body

Kinds = dict[str, Definition]
GOLDEN = Path(__file__).parents[4] / "golden/kubernetes/tables"


def printed(table: Body) -> str:
    rows = [[column["name"].upper() for column in table["columnDefinitions"]]]
    rows += [[str(cell) for cell in row["cells"]] for row in table["rows"]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_tables(kinds: Kinds, now: datetime, path: Path) -> None:
    items = json.loads(path.read_text(encoding="utf-8"))
    table = to_table(kinds[items[0]["kind"]], items, now=now)
    assert printed(table) == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_built_in_kind_prints_an_empty_object(kinds: Kinds, now: datetime) -> None:
    for defn in kinds.values():
        body: Body = {"kind": defn.kind, "metadata": {"name": "x", "creationTimestamp": "2026-01-02T03:04:00Z"}}
        table = to_table(defn, [body], now=now)
        assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"]), defn.kind
        json.dumps(table)


def test_custom_columns(widget: Definition, now: datetime) -> None:
    body: Body = {
        "metadata": {"name": "w", "creationTimestamp": "2026-01-02T03:02:00Z"},
        "spec": {"size": 3, "parts": [{"name": "wheel"}]},
    }
    bare: Body = {"metadata": {"name": "bare"}, "spec": {}}
    table = to_table(widget, [body, bare], now=now)
    assert [row["cells"] for row in table["rows"]] == [["w", 3, "wheel", "2m5s"], ["bare", None, None, None]]


def test_what_each_row_carries(kinds: Kinds, now: datetime) -> None:
    body: Body = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    meta = to_table(kinds["ConfigMap"], [body], now=now)["rows"][0]["object"]
    assert (meta["kind"], "data" in meta) == ("PartialObjectMetadata", False)
    assert to_table(kinds["ConfigMap"], [body], include_object="Object", now=now)["rows"][0]["object"] is body
    assert "object" not in to_table(kinds["ConfigMap"], [body], include_object="None", now=now)["rows"][0]
    assert to_table(kinds["ConfigMap"], [body], now=now, columns=False)["columnDefinitions"] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (185, "3m5s"), (600, "10m"), (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"), (9 * 3600 + 300, "9h"), (50 * 3600, "2d2h"), (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_an_unknown_age(now: datetime) -> None:
    assert age(None, now) == "<unknown>"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.hosts", [["a", "b"]]),
        (".spec.hosts[0]", ["a"]),
        (".spec.hosts[*]", ["a", "b"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (r".metadata.labels.app\.kubernetes\.io/name", ["x"]),
        (".metadata.labels['app.kubernetes.io/name']", ["x"]),
        (".nothing.here", []),
    ],
)
def test_json_paths(path: str, found: list[object]) -> None:
    body: Body = {
        "metadata": {"labels": {"app.kubernetes.io/name": "x"}},
        "spec": {"hosts": ["a", "b"]},
        "status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]},
    }
    assert find(body, path) == found
