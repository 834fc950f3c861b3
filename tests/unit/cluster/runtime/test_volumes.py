from __future__ import annotations

import pytest

from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.volumes import File, Token, VolumePlan, plan_volumes
from tejer.kube.resource import Body
from tests.unit.cluster.runtime.pods import config_map, inputs, pod


def plan(volume: Body, **given: object) -> VolumePlan:
    return plan_volumes(pod(volumes=[{"name": "v", **volume}]), inputs(**given))[0]


def test_a_config_map_becomes_files_with_chosen_paths_and_modes() -> None:
    maps = config_map("cm", a="1", b="2")
    assert plan({"configMap": {"name": "cm"}}, config_maps=maps).files == (("a", File(b"1")), ("b", File(b"2")))
    items = [{"key": "a", "path": "deep/a", "mode": 0o600}]
    assert plan({"configMap": {"name": "cm", "items": items}}, config_maps=maps).files == (
        ("deep/a", File(b"1", 0o600)),
    )


def test_missing_sources_fail_the_mount_unless_optional() -> None:
    with pytest.raises(PlanError, match=r'SetUp failed for volume "v" : configmap "no" not found') as refused:
        plan({"configMap": {"name": "no"}})
    assert refused.value.reason == "FailedMount"
    assert plan({"configMap": {"name": "no", "optional": True}}).files == ()
    with pytest.raises(PlanError, match="non-existent config key: x"):
        plan({"configMap": {"name": "cm", "items": [{"key": "x", "path": "x"}]}}, config_maps=config_map("cm", a="1"))


def test_a_projected_volume_joins_its_sources() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607, "audience": "istio-ca"}},
        {"configMap": {"name": "cm"}},
        {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    made = plan({"projected": {"sources": sources, "defaultMode": 0o440}}, config_maps=config_map("cm", a="1"))
    assert made.files == (("a", File(b"1", 0o440)), ("ns", File(b"shop", 0o440)))
    assert made.tokens == (Token("token", "istio-ca", 3607, 0o440),)


def test_other_kinds_are_refused_by_name() -> None:
    with pytest.raises(PlanError, match="this kind of volume is not supported"):
        plan({"nfs": {"server": "x", "path": "/"}})
