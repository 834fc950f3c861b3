from typing import Any

from tejer.cluster.controllers.garbage import keys, reconcile
from tejer.cluster.controllers.writes import Delete, Patch, Write
from tejer.kube.resource import Body, Change
from tests.unit.cluster.controllers.objects import NOW, STAMP, deployment, key_of, pod, replicaset, world_of


def run(main: Body, *others: Body) -> list[Write]:
    return reconcile(world_of(main, *others), key_of(main), NOW)


def going(body: Body, *finalizers: str) -> Body:
    body["metadata"] |= {"deletionTimestamp": STAMP, "finalizers": list(finalizers)}
    return body


def meta(write: Write) -> Any:
    assert isinstance(write, Patch)
    return write.patch["metadata"]


def test_an_object_whose_owner_is_gone_goes_if_the_server_agrees() -> None:
    rs = replicaset("web", 1)
    (delete,) = run(pod("one", owner=rs))
    assert isinstance(delete, Delete)
    assert delete.propagation == "Background"
    assert [(owner.rtype.kind, owner.name, owner.uid) for owner in delete.unless_alive] == [
        ("ReplicaSet", "web", rs["metadata"]["uid"])
    ]


def test_an_object_with_an_owner_stays() -> None:
    rs = replicaset("web", 1)
    assert run(pod("one", owner=rs), rs) == []
    assert run(pod("free")) == []


def test_an_owner_of_an_unknown_kind_is_no_reason_to_delete() -> None:
    one = pod("one")
    one["metadata"]["ownerReferences"] = [{"apiVersion": "else/v1", "kind": "Thing", "name": "x", "uid": "y"}]
    assert run(one) == []


def test_an_owner_in_another_namespace_does_not_count() -> None:
    rs = replicaset("web", 1)
    one = pod("one", owner=rs)
    one["metadata"]["namespace"] = "elsewhere"
    (delete,) = run(one, rs)
    assert isinstance(delete, Delete)


def test_foreground_deletion_goes_down_then_up() -> None:
    main = going(deployment(), "foregroundDeletion")
    rs = replicaset("web", 1, owner=main)
    one = pod("one", owner=rs)
    (delete,) = run(rs, main, one)
    assert isinstance(delete, Delete)
    assert delete.propagation == "Foreground"
    assert run(main, rs, one) == []
    assert meta(run(main, one)[0])["finalizers"] is None
    assert key_of(main) in keys(world_of(main), Change(key_of(rs), rs, None))


def test_orphaning_lets_dependents_loose_first() -> None:
    main = going(deployment(), "orphan", "other")
    rs = replicaset("web", 1, owner=main)
    assert meta(run(main, rs)[0])["ownerReferences"] is None
    assert meta(run(main)[0])["finalizers"] == ["other"]
    free = replicaset("web", 1)
    assert key_of(main) in keys(world_of(main), Change(key_of(rs), rs, free))


def test_keys_of_an_owner_that_went_are_its_dependents() -> None:
    rs = replicaset("web", 1)
    one = pod("one", owner=rs)
    assert list(keys(world_of(one), Change(key_of(rs), rs, None))) == [key_of(one)]
