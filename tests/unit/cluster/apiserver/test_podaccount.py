"""The ServiceAccount plug-in: who gets the token, where it is mounted."""

from __future__ import annotations

from tejer.cluster.apiserver.podaccount import MOUNT_PATH, with_service_account
from tejer.kube.resource import Body

ACCOUNT: Body = {"metadata": {"name": "bot", "namespace": "default"}}


def pod(**spec: object) -> Body:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}], **spec}}


def test_every_container_mounts_one_projected_token() -> None:
    spec = with_service_account(pod(initContainers=[{"name": "i"}]), ACCOUNT)["spec"]
    (volume,) = spec["volumes"]
    sources = [next(iter(source)) for source in volume["projected"]["sources"]]
    assert sources == ["serviceAccountToken", "configMap", "downwardAPI"]
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["volumeMounts"] == [{"name": volume["name"], "readOnly": True, "mountPath": MOUNT_PATH}]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "bot"


def test_running_it_again_only_serves_new_containers() -> None:
    once = with_service_account(pod(), ACCOUNT)
    assert with_service_account(once, ACCOUNT) == once
    grown: Body = {**once, "spec": {**once["spec"], "containers": [*once["spec"]["containers"], {"name": "c"}]}}
    spec = with_service_account(grown, ACCOUNT)["spec"]
    assert spec["volumes"] == once["spec"]["volumes"]
    assert spec["containers"][2]["volumeMounts"][0]["name"] == spec["volumes"][0]["name"]


def test_a_mount_of_ones_own_is_respected() -> None:
    own = [{"name": "mine", "mountPath": MOUNT_PATH}]
    given: Body = {"metadata": {}, "spec": {"containers": [{"name": "a", "volumeMounts": own}]}}
    spec = with_service_account(given, ACCOUNT)["spec"]
    assert spec["containers"][0]["volumeMounts"] == own and "volumes" not in spec


def test_either_side_may_opt_out_and_the_pod_decides() -> None:
    assert "volumes" not in with_service_account(pod(automountServiceAccountToken=False), ACCOUNT)["spec"]
    silent: Body = {**ACCOUNT, "automountServiceAccountToken": False}
    assert "volumes" not in with_service_account(pod(), silent)["spec"]
    assert "volumes" in with_service_account(pod(automountServiceAccountToken=True), silent)["spec"]


def test_pull_secrets_come_from_the_account() -> None:
    account: Body = {**ACCOUNT, "imagePullSecrets": [{"name": "s"}]}
    assert with_service_account(pod(), account)["spec"]["imagePullSecrets"] == [{"name": "s"}]
