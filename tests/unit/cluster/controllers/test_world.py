from tejer.cluster.controllers.world import controller_uid
from tejer.kube.resource import Change
from tejer.kube.types import PODS, REPLICASETS
from tests.unit.cluster.controllers.objects import key_of, make, pod, put, replicaset, world_of


def test_indexes_follow_changes() -> None:
    rs = replicaset("web", 1)
    one = pod("one", owner=rs)
    world = world_of(rs, one)
    assert world.owned(PODS, rs["metadata"]["uid"]) == [one]
    assert controller_uid(one) == rs["metadata"]["uid"]
    assert world.by_uid("replicasets-web") == key_of(rs)
    orphan = pod("one")
    put(world, orphan)
    assert world.owned(PODS, rs["metadata"]["uid"]) == []
    assert world.all(PODS, "default") == [orphan]
    assert [rtype.kind for rtype, _ in world.in_namespace("default")] == ["ReplicaSet", "Pod"]


def test_older_versions_are_no_news() -> None:
    old, new = pod("one"), pod("one")
    world = world_of(new)
    assert put(world, old) == []
    assert world.get(key_of(new)) is new


def test_what_we_deleted_stays_away_until_the_watch_has_said_so() -> None:
    one = pod("one")
    world = world_of(one)
    world.forget(key_of(one))
    late = pod("one")
    assert put(world, late) == []
    gone = Change(key_of(one), late, None)
    assert world.apply([gone]) == [gone]
    successor = pod("one", uid="other")
    assert len(put(world, successor)) == 1


def test_a_late_answer_to_our_own_write_raises_no_ghost() -> None:
    one = pod("one")
    world = world_of(one)
    answer = pod("one")
    world.apply([Change(key_of(one), one, None)])
    assert not world.observe(key_of(one), answer)
    assert world.get(key_of(one)) is None


def test_kinds_are_found_by_reference() -> None:
    world = world_of()
    assert world.type_of_kind("apps/v1", "ReplicaSet") is REPLICASETS
    assert world.type_of_kind("v1", "Pod") is PODS
    assert world.type_of_kind("other/v1", "Pod") is None
    assert world.type_of(key_of(make(PODS, "x"))) is PODS
