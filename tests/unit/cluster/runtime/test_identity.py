from __future__ import annotations

import pytest

from tejer.cluster.runtime.identity import CAPABILITIES, Identity, identity
from tejer.cluster.runtime.inputs import PlanError
from tests.unit.cluster.runtime.pods import pod


def who(container: dict[str, object], image_user: int = 0, **spec: object) -> Identity:
    made = pod({"name": "main", "image": "x", "securityContext": container}, **spec)
    return identity(made, made.spec.containers[0], image_user)


def test_by_default_root_without_any_power() -> None:
    assert who({}) == Identity(0, 0, (), (), True)


def test_container_before_pod_before_image() -> None:
    outer = {"runAsUser": 5, "runAsGroup": 6, "fsGroup": 7, "supplementalGroups": [9, 8]}
    assert who({"runAsUser": 1}, 999, securityContext=outer) == Identity(1, 6, (7, 8, 9), (), True)
    assert who({}, 999).uid == 999
    assert who({"runAsUser": 0}, 999).uid == 0


def test_capabilities_are_added_and_dropped_by_name() -> None:
    assert who({"capabilities": {"add": ["NET_ADMIN", "CAP_NET_RAW"], "drop": ["ALL"]}}).capabilities == (12, 13)
    assert who({"capabilities": {"add": ["ALL"], "drop": ["SYS_ADMIN"]}}).capabilities == tuple(
        sorted(set(CAPABILITIES.values()) - {21})
    )
    with pytest.raises(PlanError, match="unknown capability NET_ADMN"):
        who({"capabilities": {"add": ["NET_ADMN"]}})


def test_run_as_non_root_is_kept() -> None:
    with pytest.raises(PlanError, match="runAsNonRoot"):
        who({"runAsNonRoot": True})
    assert who({"runAsNonRoot": True}, 1000).uid == 1000


def test_escalation_only_when_written() -> None:
    assert not who({"allowPrivilegeEscalation": True}).no_new_privileges
    assert who({"allowPrivilegeEscalation": False}).no_new_privileges
