"""Dashboards on their shelves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tejer.observe.dashboards.library import Library, Shelf
from tejer.observe.dashboards.reading.document import DashboardError


def written(folder: Path, name: str, uid: str, title: str = "T") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"uid": uid, "title": title, "panels": []}))


def body(uid: str, title: str = "Mine") -> bytes:
    return json.dumps({"uid": uid, "title": title, "panels": []}).encode()


def test_a_config_maps_mount_is_read_once(tmp_path: Path) -> None:
    written(tmp_path / "..2026_01", "a.json", "a")
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "a.json").symlink_to("..data/a.json")
    written(tmp_path / "deeper", "b.json", "b")
    assert [entry.uid for entry in Library([Shelf("istio", tmp_path)], None).all()] == ["a", "b"]


def test_a_changed_file_is_read_again_and_a_bad_one_is_named(tmp_path: Path) -> None:
    library = Library([Shelf("", tmp_path)], None)
    written(tmp_path, "a.json", "a", "Before")
    assert library.all()[0].reading.dashboard.title == "Before"
    written(tmp_path, "a.json", "a", "Afterwards")
    (tmp_path / "bad.json").write_text("{")
    assert [entry.reading.dashboard.title for entry in library.all()] == ["Afterwards"]
    assert list(library.problems) == ["bad.json"]


def test_imported_dashboards_last_and_are_replaced_by_uid(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Library([], data).add(body("u"))
    assert Library([], data).add(body("u", "Newer")).url == "/d/u/newer"
    (entry,) = Library([], data).all()
    assert entry.imported
    assert Library([], data).remove("u")
    assert Library([], data).all() == []
    assert not Library([], data).remove("../../u")


def test_a_provisioned_dashboard_is_not_replaced(tmp_path: Path) -> None:
    written(tmp_path / "shelf", "a.json", "a")
    library = Library([Shelf("", tmp_path / "shelf")], tmp_path / "data")
    with pytest.raises(DashboardError, match="provisioned"):
        library.add(body("a"))
    with pytest.raises(DashboardError, match="no data directory"):
        Library([], None).add(body("b"))


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tejer.observe.dashboards.library.MAX_IMPORTED", 2)
    library = Library([], tmp_path)
    for uid in ("a", "b", "a"):
        library.add(body(uid))
    with pytest.raises(DashboardError, match="delete one first"):
        library.add(body("c"))
