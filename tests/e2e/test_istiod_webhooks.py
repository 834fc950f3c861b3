"""The API server calls istiod's webhooks over HTTPS, with the CA bundle that istiod itself put there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tejer.istiod.app import Istiod
from tejer.istiod.checks.validation import validate
from tejer.istiod.install.options import InstallOptions
from tejer.istiod.install.webhooks import injector, validator
from tejer.istiod.options import Options
from tejer.istiod.parts import Injector, parse_yaml
from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body
from tejer.kube.types import MUTATINGWEBHOOKS, NAMESPACES, PODS, SERVICEACCOUNTS, VALIDATINGWEBHOOKS, VIRTUALSERVICES
from tests.e2e.apiserver import RunningServer
from tests.e2e.istiod import running_istiod
from tests.e2e.test_istiod_control_plane import one_cluster_per_service, with_cluster


async def install_webhooks(admin: Api, istiod: Istiod) -> None:
    """The configurations that `tejer install` ships, pointed at this process instead of the Service."""
    options = InstallOptions()
    for rtype, body in ((MUTATINGWEBHOOKS, injector(options)), (VALIDATINGWEBHOOKS, validator(options))):
        for hook in body["webhooks"]:
            path = hook["clientConfig"].pop("service")["path"]
            hook["clientConfig"]["url"] = f"https://127.0.0.1:{istiod.ports['webhooks']}{path}"
        await admin.create(rtype, body)
        async with asyncio.timeout(10):
            while not all(
                hook["clientConfig"].get("caBundle")
                for hook in (await admin.get(rtype, body["metadata"]["name"]))["webhooks"]
            ):
                await asyncio.sleep(0.05)


async def make_namespace(admin: Api, name: str, labels: dict[str, str]) -> None:
    await admin.create(NAMESPACES, {"metadata": {"name": name, "labels": labels}})
    await admin.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": name}})


def make_parts() -> dict[str, Any]:
    return {"inject": Injector(Options()), "validate": validate, "parse_yaml": parse_yaml}


def virtual_service(name: str, **spec: Any) -> Body:
    return {
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
    }  # fmt: skip


def test_pods_of_labelled_namespaces_get_a_sidecar_and_bad_configuration_is_refused(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        parts = make_parts()
        async with running_istiod(api, one_cluster_per_service, **parts) as istiod:
            parts["inject"].objects = istiod.objects
            await install_webhooks(admin, istiod)
            for name, labels in (("shop", {"istio-injection": "enabled"}), ("plain", {})):
                await make_namespace(admin, name, labels)
                await admin.create(
                    PODS,
                    {
                        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": name},
                        "spec": {"containers": [{"name": "app", "image": "tejer/echo"}]},
                    },
                )  # fmt: skip
            injected = await admin.get(PODS, "web", "shop")
            assert [c["name"] for c in injected["spec"]["containers"]] == ["app", "istio-proxy"]
            assert [c["name"] for c in injected["spec"]["initContainers"]] == ["istio-init"]
            plain = await admin.get(PODS, "web", "plain")
            assert [c["name"] for c in plain["spec"]["containers"]] == ["app"]

            good = virtual_service("good", hosts=["web"], http=[{"route": [{"destination": {"host": "web"}}]}])
            await admin.create(VIRTUALSERVICES, good)
            with pytest.raises(ApiError, match="configuration is invalid"):
                await admin.create(VIRTUALSERVICES, virtual_service("bad", hosts=[], http=[]))
            assert istiod.metrics.injected.values[()] == 1
            refused = ("networking.istio.io", "v1", "virtualservices", "invalid_resource")
            assert istiod.metrics.invalid.values == {refused: 1}

    with_cluster(tmp_path, scenario)


def test_without_istiod_pods_of_the_mesh_wait_and_others_start(tmp_path: Path) -> None:
    """failurePolicy Fail: a pod must not start without its sidecar because istiod is away."""

    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        parts = make_parts()
        pod = {"spec": {"containers": [{"name": "app", "image": "tejer/echo"}]}}
        async with running_istiod(api, one_cluster_per_service, **parts) as istiod:
            parts["inject"].objects = istiod.objects
            await install_webhooks(admin, istiod)
            for name, labels in (("shop", {"istio-injection": "enabled"}), ("plain", {})):
                await make_namespace(admin, name, labels)
        await admin.create(PODS, pod | {"metadata": {"name": "web", "namespace": "plain"}})
        with pytest.raises(ApiError) as caught:
            await admin.create(PODS, pod | {"metadata": {"name": "web", "namespace": "shop"}})
        assert caught.value.code == 500 and "sidecar-injector" in caught.value.message

    with_cluster(tmp_path, scenario)
