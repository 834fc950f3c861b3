"""Applying an installation: order, waiting, and what is said when something does not become ready."""

import asyncio
from typing import Any, cast

import pytest

from tejer.cli.installing import MANAGER, apply_bodies, install_mesh, why_not_ready
from tejer.istiod.install.manifests import stages
from tejer.istiod.install.options import build_options
from tejer.kube.api import APPLY_PATCH, Api, ApiError, ListResult
from tejer.kube.resource import Body
from tejer.kube.types import DEPLOYMENTS, ResourceType

READY = {"conditions": [{"type": "Established", "status": "True"}], "observedGeneration": 1, "updatedReplicas": 1,
         "availableReplicas": 1}  # fmt: skip


class Cluster:
    """Takes every object; Deployments in `stuck` never become ready."""

    def __init__(self, stuck: str = "", pods: list[Body] | None = None) -> None:
        self.applied: list[str] = []
        self.objects: dict[tuple[str, str], Body] = {}
        self.stuck, self.pods = stuck, pods or []

    async def patch(self, rtype: ResourceType, name: str, namespace: str, body: Body, **options: Any) -> Body:
        assert (options["content_type"], options["field_manager"]) == (APPLY_PATCH, MANAGER)
        self.applied.append(f"{rtype.kind}/{name}")
        if name == "refused":
            raise ApiError(403, "Forbidden", "not for you")
        self.objects[rtype.plural, name] = body
        return body

    async def get(self, rtype: ResourceType, name: str, namespace: str = "") -> Body:
        status = {} if name == self.stuck else READY
        body = self.objects[rtype.plural, name]
        return {**body, "metadata": {**body["metadata"], "generation": 1}, "status": status}

    async def list(self, rtype: ResourceType, namespace: str = "", **_: Any) -> ListResult:
        return ListResult(self.pods, "1")


def install(cluster: Cluster, seconds: float = 5) -> list[str]:
    lines: list[str] = []
    options = build_options(["profile=demo"])
    asyncio.run(install_mesh(cast(Api, cluster), options, done=lines.append, seconds=seconds))
    return lines


def test_each_stage_is_said_when_it_is_ready() -> None:
    cluster = Cluster()
    assert install(cluster) == [stage.done for stage in stages(build_options(["profile=demo"]))]
    assert cluster.applied[0] == "Namespace/istio-system"
    assert cluster.applied.index("Deployment/istiod") < cluster.applied.index("Deployment/istio-ingressgateway")


def test_what_is_not_ready_is_named_with_its_reason() -> None:
    waiting = {"waiting": {"reason": "ErrImageNeverPull", "message": "no such image"}}
    pod = {"metadata": {"name": "istiod-1"}, "status": {"phase": "Pending", "containerStatuses": [
        {"name": "discovery", "state": waiting}]}}  # fmt: skip
    with pytest.raises(TimeoutError) as error:
        install(Cluster("istiod", [pod]), 0)
    assert str(error.value) == (
        "Deployment istiod did not become ready in time\n"
        "  pod istiod-1, container discovery: ErrImageNeverPull no such image"
    )


def test_a_refusal_names_the_object() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "refused", "namespace": "a"}}
    with pytest.raises(ApiError, match="ConfigMap refused: not for you"):
        asyncio.run(apply_bodies(cast(Api, Cluster()), [body]))


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ({"phase": "Pending"}, "pod p: Pending"),
        ({"phase": "Running", "containerStatuses": [{"name": "c", "ready": False, "state": {"running": {}}}]},
         "pod p, container c: running, not ready (see its logs)"),
    ],
)  # fmt: skip
def test_reasons_of_pods(status: Body, line: str) -> None:
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}
    cluster = Cluster(pods=[{"metadata": {"name": "p"}, "status": status}])
    assert asyncio.run(why_not_ready(cast(Api, cluster), deployment)) == [line]
    assert asyncio.run(why_not_ready(cast(Api, Cluster()), deployment))[0].startswith("no pod was created")
    assert DEPLOYMENTS.kind == "Deployment"
