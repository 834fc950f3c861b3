from tejer.cluster.controllers.pods import condition
from tejer.cluster.controllers.replicaset import keys, reconcile
from tejer.cluster.controllers.writes import Again, Create, Delete, Patch, Update, Write
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, Change
from tejer.kube.types import EVENTS, PODS, REPLICASETS
from tests.unit.cluster.controllers.objects import NOW, STAMP, key_of, pod, replicaset, world_of


def run(main: Body, *others: Body) -> list[Write]:
    return reconcile(world_of(main, *others), key_of(main), NOW)


def deleted(writes: list[Write]) -> list[str]:
    return [write.key.name for write in writes if isinstance(write, Delete)]


def test_missing_pods_are_made_from_the_template() -> None:
    rs = replicaset("web", 2)
    rs["spec"]["template"]["metadata"]["annotations"] = {"a": "b"}
    creates = [write for write in run(rs, pod("one", owner=rs)) if isinstance(write, Create)]
    (create,) = creates
    assert create.body["metadata"]["generateName"] == "web-"
    assert create.body["metadata"]["annotations"] == {"a": "b"}
    assert create.body["metadata"]["ownerReferences"][0]["uid"] == rs["metadata"]["uid"]
    assert create.on_created is not None
    (told,) = create.on_created(pod("web-x"))
    assert isinstance(told, Create)
    assert told.body["reason"] == "SuccessfulCreate"


def test_a_refused_pod_is_told_as_event_and_condition() -> None:
    rs = replicaset("web", 1, ready=0)
    (create,) = [write for write in run(rs) if isinstance(write, Create)]
    assert create.on_error is not None
    told, patch = create.on_error(ApiError(403, "Forbidden", "admission webhook denied the request"))
    assert isinstance(told, Create)
    assert told.rtype is EVENTS
    assert told.body["message"] == "Error creating: admission webhook denied the request"
    assert isinstance(patch, Patch)
    rs["status"] = patch.patch["status"]
    (create,) = [write for write in run(rs) if isinstance(write, Create)]
    assert create.on_error is not None
    assert len(create.on_error(ApiError(403, "Forbidden", "admission webhook denied the request"))) == 1


def test_the_failure_goes_when_the_pods_are_there() -> None:
    rs = replicaset("web", 1)
    rs["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "reason": "x", "message": "y"}]
    (update,) = [write for write in run(rs, pod("one", owner=rs)) if isinstance(write, Update)]
    assert condition(update.body, "ReplicaFailure") is None


def test_who_goes_first() -> None:
    rs = replicaset("web", 0)
    pods = [
        pod("steady", owner=rs, creationTimestamp="2026-01-01T00:00:00Z"),
        pod("young", owner=rs, creationTimestamp="2026-01-02T00:00:00Z"),
        pod("unready", owner=rs, ready=False),
        pod("pending", owner=rs, phase="Pending", ready=False),
    ]
    assert deleted(run(rs, *pods)) == ["pending", "unready", "young", "steady"]
    rs["spec"]["replicas"] = 3
    assert deleted(run(rs, *pods)) == ["pending"]


def test_ended_and_terminating_pods_do_not_count() -> None:
    rs = replicaset("web", 1)
    going = pod("going", owner=rs, deletionTimestamp=STAMP)
    writes = run(rs, going, pod("ended", owner=rs, phase="Failed"))
    assert len([write for write in writes if isinstance(write, Create) and write.rtype is PODS]) == 1


def test_status_counts_and_waits_for_min_ready_seconds() -> None:
    rs = replicaset("web", 2, ready=0)
    rs["spec"]["minReadySeconds"] = 5
    writes = run(rs, pod("one", owner=rs), pod("two", owner=rs, ready=False))
    (update,) = [write for write in writes if isinstance(write, Update)]
    assert update.subresource == "status"
    assert update.body["status"] == {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 1}
    assert [write.seconds for write in writes if isinstance(write, Again)] == [5.0]


def test_matching_orphans_are_adopted_and_relabelled_pods_released() -> None:
    rs = replicaset("web", 1)
    patches = [
        w for w in run(rs, pod("orphan"), pod("other", owner=rs, labels={"app": "else"})) if isinstance(w, Patch)
    ]
    owners = {patch.key.name: patch.patch["metadata"]["ownerReferences"] for patch in patches}
    assert owners["other"] == []
    assert owners["orphan"][0]["uid"] == rs["metadata"]["uid"]


def test_keys_of_a_pod_are_its_owner_or_who_may_adopt_it() -> None:
    rs = replicaset("web", 1)
    world = world_of(rs)
    owned, orphan = pod("one", owner=rs), pod("two")
    assert list(keys(world, Change(key_of(owned), owned, None))) == [key_of(rs)]
    assert list(keys(world, Change(key_of(orphan), None, orphan))) == [key_of(rs)]
    assert list(keys(world, Change(REPLICASETS.key("default", "x"), None, rs))) == [REPLICASETS.key("default", "x")]
