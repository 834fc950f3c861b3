from __future__ import annotations

from pathlib import Path

import pytest

from tejer.cluster.runtime.files import make_volume, prepare_sub_path, write_files
from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.volumes import File, VolumePlan


def test_files_change_all_at_once_and_stay_when_equal(tmp_path: Path) -> None:
    where = tmp_path / "v"
    assert write_files(where, {"a": File(b"1"), "deep/b": File(b"2", 0o600)}, None)
    first = (where / "..data").readlink()
    assert (where / "a").read_bytes() == b"1"
    assert (where / "deep/b").stat().st_mode & 0o777 == 0o600
    assert not write_files(where, {"a": File(b"1"), "deep/b": File(b"2", 0o600)}, None)
    assert write_files(where, {"c": File(b"3")}, None)
    assert sorted(path.name for path in where.iterdir() if not path.name.startswith("..")) == ["c"]
    assert (where / "..data").readlink() != first
    assert not (where / first).exists()


def test_a_claim_must_be_bound_and_a_host_path_there(tmp_path: Path) -> None:
    claim = VolumePlan(name="v", kind="claim", source="disk")
    with pytest.raises(PlanError, match='persistentvolumeclaim "disk" not found or not bound'):
        make_volume(claim, tmp_path / "v", {}, None)
    assert make_volume(claim, tmp_path / "v", {"disk": "/d"}, None) == "/d"
    gone = VolumePlan(name="v", kind="host", source=str(tmp_path / "no"), host_type="Directory")
    with pytest.raises(PlanError, match="is not a Directory"):
        make_volume(gone, tmp_path / "v", {}, None)


def test_a_sub_path_may_not_leave_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(PlanError, match="leads out"):
        prepare_sub_path(str(tmp_path), "link/x")
    prepare_sub_path(str(tmp_path), "new/dir")
    assert (tmp_path / "new/dir").is_dir()
