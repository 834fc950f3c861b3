"""The objects of an installation."""

import json
from typing import Any

import pytest

from tejer.istiod import rbac
from tejer.istiod.install.manifests import render, stages
from tejer.istiod.install.options import build_options
from tejer.kube.kinds import admission, apps, core
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.manifest import load_text, plain_scalar
from tejer.kube.resource import Body, decode
from tejer.kube.types import find_type


def find(bodies: list[Body], kind: str, name: str) -> Any:
    return next(body for body in bodies if body["kind"] == kind and body["metadata"]["name"] == name)


def mesh_of(bodies: list[Body]) -> MeshConfig:
    text = find(bodies, "ConfigMap", "istio")["data"]["mesh"]
    (document,) = load_text("apiVersion: x\nkind: x\nvalue:\n" + "".join(f"  {line}\n" for line in text.splitlines()))
    return decode(document.body["value"], MeshConfig)


def test_the_demo_profile_logs_requests_and_has_an_ingress_gateway() -> None:
    bodies = render(build_options(["profile=demo"]))
    assert mesh_of(bodies).access_log_file == "/dev/stdout"
    service = decode(find(bodies, "Service", "istio-ingressgateway"), core.Service)
    assert service.spec.type == "LoadBalancer"
    assert [(port.port, port.target_port) for port in service.spec.ports] == [(15021, 15021), (80, 8080), (443, 8443)]
    gateway = decode(find(bodies, "Deployment", "istio-ingressgateway"), apps.Deployment)
    assert gateway.spec.template is not None
    assert gateway.spec.template.metadata.annotations["inject.istio.io/templates"] == "gateway"
    assert gateway.spec.template.spec.containers[0].image == "auto"


def test_the_default_profile_does_not_log_and_minimal_has_no_gateway() -> None:
    assert mesh_of(render(build_options())).access_log_file == ""
    assert [stage.name for stage in stages(build_options(["profile=minimal"]))] == ["Istio core", "Istiod"]


def test_istiod_has_exactly_its_published_rights_and_is_never_injected() -> None:
    bodies = render(build_options())
    assert find(bodies, "ClusterRole", "istiod-istio-system")["rules"] == list(rbac.CLUSTER_RULES)
    istiod = decode(find(bodies, "Deployment", "istiod"), apps.Deployment)
    assert istiod.spec.template is not None
    assert istiod.spec.template.metadata.labels["sidecar.istio.io/inject"] == "false"
    container = istiod.spec.template.spec.containers[0]
    assert container.image.startswith("tejer/pilot:")
    assert container.readiness_probe is not None
    assert container.readiness_probe.http_get is not None
    assert container.readiness_probe.http_get.path == "/ready"
    assert {port.container_port for port in container.ports} == {8080, 15010, 15012, 15014, 15017}


def test_webhooks_fail_closed_and_call_istiods_service() -> None:
    bodies = render(build_options())
    hooks = decode(
        find(bodies, "MutatingWebhookConfiguration", "istio-sidecar-injector"), admission.MutatingWebhookConfiguration
    )
    assert [hook.name.partition(".sidecar")[0] for hook in hooks.webhooks] == [
        "rev.namespace", "rev.object", "namespace", "object",
    ]  # fmt: skip
    for hook in hooks.webhooks:
        assert hook.failure_policy == "Fail"
        assert hook.client_config is not None
        assert hook.client_config.service is not None
        assert (hook.client_config.service.path, hook.client_config.service.port) == ("/inject", 443)
    validator = find(bodies, "ValidatingWebhookConfiguration", "istio-validator-istio-system")
    assert validator["webhooks"][0]["rules"][0]["operations"] == ["CREATE", "UPDATE"]


@pytest.mark.parametrize("profile", ["default", "demo", "minimal", "empty"])
def test_every_object_has_a_known_type_and_unique_name(profile: str) -> None:
    bodies = render(build_options([f"profile={profile}"]))
    keys = []
    for body in bodies:
        rtype = find_type(body["apiVersion"], body["kind"])
        assert rtype is not None
        keys.append(rtype.key_of(body))
    assert len(set(keys)) == len(keys)
    assert all(isinstance(plain_scalar("x"), str) and json.dumps(body) for body in bodies)


def test_another_namespace_moves_everything() -> None:
    bodies = render(build_options(["namespace=mesh"]))
    namespaces = {body["metadata"].get("namespace") for body in bodies}
    assert namespaces == {None, "mesh"}
    assert mesh_of(bodies).default_config.discovery_address == "istiod.mesh.svc:15012"
    assert mesh_of(bodies).root_namespace == "mesh"
