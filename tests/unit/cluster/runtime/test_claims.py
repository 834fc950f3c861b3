"""Which claim a volume is for."""

from __future__ import annotations

from pathlib import Path

from tejer.cluster.runtime.claims import may_hold, volume_for
from tejer.kube.resource import Body


def claim(namespace: str, uid: str) -> Body:
    return {"metadata": {"name": "data", "namespace": namespace, "uid": uid}, "spec": {}}


def test_no_claim_gets_the_volume_of_another() -> None:
    volume = volume_for(claim("mine", "1"), Path("/v"))
    assert may_hold(volume, claim("mine", "1"))
    assert not may_hold(volume, claim("theirs", "2"))
    assert not may_hold(volume, claim("mine", "2")), "of the same name, made later"


def test_a_volume_that_is_free_or_reserved_by_name_may_be_claimed() -> None:
    assert may_hold({"spec": {}}, claim("mine", "1"))
    reserved: Body = {"spec": {"claimRef": {"namespace": "mine", "name": "data"}}}
    assert may_hold(reserved, claim("mine", "1")) and not may_hold(reserved, claim("theirs", "1"))
