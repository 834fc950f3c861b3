from __future__ import annotations

import pytest

from tejer.cluster.runtime.images import image_name, resolve
from tejer.cluster.runtime.inputs import PlanError


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("postgres:16", "postgres"),
        ("docker.io/library/postgres:16@sha256:00", "postgres"),
        ("tejer/pilot", "tejer/pilot"),
        ("localhost:5000/team/app:1", "localhost:5000/team/app"),
    ],
)
def test_an_images_name_has_no_version(image: str, name: str) -> None:
    assert image_name(image) == name


def test_annotation_then_config_map_then_table() -> None:
    annotations, listed = {"tejer.io/command.main": "run --this 'a b'"}, {"tejer_pilot": '["/opt/pilot"]'}
    assert resolve("x", "main", annotations, listed, "py").entrypoint == ("run", "--this", "a b")
    assert resolve("tejer/pilot:1", "main", {}, listed, "py").entrypoint == ("/opt/pilot",)
    assert resolve("tejer/pilot:1", "main", {}, {}, "py").entrypoint == ("py", "-m", "tejer.istiod.main")


def test_nothing_is_ever_pulled() -> None:
    with pytest.raises(PlanError, match=r"add nginx to ConfigMap kube-system/tejer-images") as refused:
        resolve("nginx:1.25", "main", {}, {}, "py")
    assert refused.value.reason == "ErrImageNeverPull"


def test_a_bad_mapping_names_its_place() -> None:
    with pytest.raises(PlanError, match="ConfigMap tejer-images, key x: want a non-empty list"):
        resolve("x", "main", {}, {"x": "[1]"}, "py")
