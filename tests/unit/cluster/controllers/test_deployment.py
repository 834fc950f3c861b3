from datetime import timedelta
from typing import Any

from tejer.cluster.controllers.deployment import HASH_LABEL, REVISION, keys, reconcile
from tejer.cluster.controllers.pods import condition
from tejer.cluster.controllers.writes import Create, Delete, Patch, Update, Write
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, Change
from tejer.kube.types import DEPLOYMENTS, EVENTS, REPLICASETS
from tests.unit.cluster.controllers.objects import NOW, deployment, key_of, pod, replicaset, world_of

SIZED = {"deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4"}


def run(main: Body, *others: Body) -> list[Write]:
    return reconcile(world_of(main, *others), key_of(main), NOW)


def sets_of(main: Body, **sizes: int) -> list[Body]:
    """ReplicaSets of `main`: `new`, the last, has its template, the others another one."""
    made = []
    main["metadata"].setdefault("annotations", {})[REVISION] = str(len(sizes))
    for number, (name, size) in enumerate(sizes.items(), 1):
        template = main["spec"]["template"] if name == "new" else {"metadata": {}, "spec": {"containers": [name]}}
        annotations = {**SIZED, REVISION: str(number)}
        made.append(replicaset(name, size, owner=main, template=template, annotations=annotations))
    return made


def sizes_set(writes: list[Write]) -> dict[str, int]:
    patches = [write for write in writes if isinstance(write, Patch) and write.rtype is REPLICASETS]
    return {patch.key.name: patch.patch["spec"]["replicas"] for patch in patches if "spec" in patch.patch}


def status_of(writes: list[Write]) -> Any:
    return next(w.body["status"] for w in writes if isinstance(w, Update) and w.rtype is DEPLOYMENTS)


def test_first_set_carries_hash_revision_and_copied_annotations() -> None:
    main = deployment()
    main["metadata"]["annotations"] = {"team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    (create,) = [write for write in run(main) if isinstance(write, Create)]
    made = create.body
    digest = made["metadata"]["labels"][HASH_LABEL]
    assert made["metadata"]["name"] == f"web-{digest}"
    assert len(digest) == 10
    assert made["spec"]["selector"]["matchLabels"] == {"app": "web", HASH_LABEL: digest}
    assert made["spec"]["template"]["metadata"]["labels"][HASH_LABEL] == digest
    assert made["spec"]["replicas"] == 3
    assert made["metadata"]["annotations"] == {"team": "a", REVISION: "1", **SIZED}
    assert create.on_created is not None
    (told,) = create.on_created(made)
    assert isinstance(told, Create)
    assert told.body["message"] == f"Scaled up replica set web-{digest} from 0 to 3"


def test_a_taken_name_changes_the_next_hash() -> None:
    (create,) = [write for write in run(deployment()) if isinstance(write, Create)]
    assert create.on_error is not None
    (patch,) = create.on_error(ApiError(409, "AlreadyExists", "taken"))
    assert isinstance(patch, Patch)
    assert patch.patch == {"status": {"collisionCount": 1}}
    main = deployment()
    main["status"] = {"collisionCount": 1}
    (again,) = [write for write in run(main) if isinstance(write, Create)]
    assert again.body["metadata"]["name"] != create.body["metadata"]["name"]


def test_rolling_update_grows_then_shrinks() -> None:
    main = deployment()
    old, new = sets_of(main, old=3, new=0)
    assert sizes_set(run(main, old, new)) == {"new": 1}
    old, new = sets_of(main, old=3, new=1)
    assert sizes_set(run(main, old, new)) == {"old": 2}


def test_recreate_waits_until_the_last_old_pod_is_gone() -> None:
    main = deployment(strategy={"type": "Recreate"})
    old = sets_of(main, old=3)[0]
    assert sizes_set(run(main, old)) == {"old": 0}
    old = sets_of(main, old=0)[0]
    last = pod("last", owner=old, deletionTimestamp="2026-01-02T03:04:05Z")
    assert not [write for write in run(main, old, last) if isinstance(write, Create)]
    created = [w.body["spec"]["replicas"] for w in run(main, old) if isinstance(w, Create) and w.rtype is REPLICASETS]
    assert created == [3]
    gone = Change(key_of(last), last, None)
    assert list(keys(world_of(main, old), gone)) == [key_of(main)]


def test_paused_only_scales() -> None:
    main = deployment(paused=True)
    writes = run(main, *sets_of(main, old=2))
    assert sizes_set(writes) == {"old": 3}
    progressing = condition({"status": status_of(writes)}, "Progressing")
    assert progressing is not None
    assert progressing["reason"] == "DeploymentPaused"


def test_scaled_while_rolling_keeps_proportions() -> None:
    main = deployment(replicas=6)
    old, new = sets_of(main, old=2, new=2)
    assert sizes_set(run(main, old, new)) == {"old": 4, "new": 4}


def test_complete_rollout_says_so_and_forgets_old_sets() -> None:
    main = deployment(revisionHistoryLimit=1)
    first, second, third, new = sets_of(main, a=0, b=0, c=0, new=3)
    writes = run(main, first, second, third, new)
    status = status_of(writes)
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
    conditions = {entry["type"]: (entry["status"], entry["reason"]) for entry in status["conditions"]}
    assert conditions == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    main["status"] = status
    deleted = [write.key.name for write in run(main, first, second, third, new) if isinstance(write, Delete)]
    assert deleted == ["a", "b"]
    assert not [write for write in run(main, third, new) if not isinstance(write, Delete)]


def test_going_back_makes_the_old_set_the_newest_revision() -> None:
    main = deployment()
    template = main["spec"]["template"]
    back = replicaset("back", 0, owner=main, template=template, annotations={REVISION: "1"})
    current = replicaset("current", 3, owner=main, annotations={REVISION: "2", **SIZED})
    patches = [write for write in run(main, back, current) if isinstance(write, Patch)]
    annotations = {patch.key.name: patch.patch["metadata"]["annotations"] for patch in patches}
    assert annotations == {
        "back": {REVISION: "3", "deployment.kubernetes.io/revision-history": "1"},
        "web": {REVISION: "3"},
    }


def test_no_progress_in_time_is_told() -> None:
    main = deployment(progressDeadlineSeconds=10)
    new = sets_of(main, new=3)[0]
    new["status"] = {"replicas": 3}
    main["status"] = status_of(run(main, new))
    later = NOW + timedelta(seconds=11)
    status = status_of(reconcile(world_of(main, new), key_of(main), later))
    progressing = condition({"status": status}, "Progressing")
    assert progressing is not None
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_orphans_that_match_are_adopted() -> None:
    main, orphan = deployment(), replicaset("orphan", 3)
    (patch,) = run(main, orphan)
    assert isinstance(patch, Patch)
    assert patch.patch["metadata"]["ownerReferences"][0]["uid"] == main["metadata"]["uid"]
    assert list(keys(world_of(main), Change(key_of(orphan), None, orphan))) == [key_of(main)]


def test_a_sets_failure_is_the_deployments() -> None:
    main = deployment()
    new = sets_of(main, new=3)[0]
    new["status"] = {
        "replicas": 0,
        "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "denied"}],
    }
    failure = condition({"status": status_of(run(main, new))}, "ReplicaFailure")
    assert failure is not None
    assert failure["message"] == "denied"


def test_a_deployment_that_goes_is_left_alone() -> None:
    main = deployment()
    main["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    assert run(main) == []
    assert keys(world_of(), Change(EVENTS.key("default", "x"), None, {})) == []
