"""Where a volume's directory really is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tejer.cluster.runtime.shim.rootfs import _resolved


def test_a_sub_path_that_became_a_link_out_of_its_volume_is_refused(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    (volume / "real").mkdir(parents=True)
    (volume / "near").symlink_to("real")
    (volume / "out").symlink_to("../..")
    inside = {"inside": str(volume)}
    assert _resolved({"source": f"{volume}/near", **inside}) == str(volume / "real")
    assert _resolved({"source": str(volume)}) == str(volume)
    with pytest.raises(OSError, match="leads out of its volume"):
        _resolved({"source": f"{volume}/out", **inside})
