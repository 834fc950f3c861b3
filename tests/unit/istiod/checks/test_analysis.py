"""Analyzers on small meshes: the recipes people look for first, and what keeps them quiet."""

import pytest

from tejer.istiod.checks.analysis import analyze, needed_types
from tejer.istiod.checks.analyzers.listed import ANALYZERS
from tejer.istiod.checks.codes import CODES
from tejer.istiod.checks.world import World
from tejer.kube.types import PODS
from tests.unit.istiod.checks.objects import istio, objects

MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, version: v1}}
spec: {containers: [{name: web, image: web}, {name: istio-proxy, image: proxy}]}
"""


def codes(extra: str = "", *bodies: dict[str, object]) -> list[tuple[str, str]]:
    world = World([*objects(MESH + extra), *bodies])
    return [(problem.code, problem.key.name if problem.key else "") for problem in analyze(world)]


def test_a_healthy_mesh_has_no_messages() -> None:
    assert codes() == []


def test_names_are_unique_and_codes_known() -> None:
    names = [analyzer.name for analyzer in ANALYZERS]
    assert len(names) == len(set(names))
    assert "injection.Analyzer" in names
    assert all(code.startswith(("IST", "KIA", "TEJ")) for code in CODES)
    assert len(needed_types()) == len(set(needed_types()))


def test_a_pod_without_a_proxy_in_an_injected_namespace() -> None:
    pod = """---
apiVersion: v1
kind: Pod
metadata: {name: old, namespace: shop}
spec: {containers: [{name: app, image: app}]}
"""
    assert codes(pod) == [("IST0103", "old")]
    assert codes(pod.replace("name: old,", "name: old, labels: {sidecar.istio.io/inject: 'false'},")) == []
    assert codes(pod + "status: {phase: Succeeded}") == []


def test_a_namespace_without_a_label() -> None:
    assert codes("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: plain}") == [("IST0102", "plain")]
    assert codes("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}") == []


def test_destinations_that_do_not_exist() -> None:
    route = "hosts: [web]\nhttp: [{route: [{destination: {host: %s}}]}]"
    assert codes("", istio("VirtualService", route % "web", namespace="shop")) == []
    assert codes("", istio("VirtualService", route % "wob", namespace="shop")) == [("IST0101", "x")]
    subset = istio("VirtualService", route % "web, subset: v2", namespace="shop")
    assert codes("", subset) == [("IST0101", "x")]
    rule = istio("DestinationRule", "host: web\nsubsets: [{name: v2, labels: {version: v2}}]", namespace="shop")
    assert codes("", subset, rule) == [("IST0173", "x")]


def test_a_rule_for_no_host() -> None:
    assert codes("", istio("DestinationRule", "host: nothing", namespace="shop")) == [("IST0174", "x")]


def test_a_gateway_that_does_not_exist() -> None:
    service = "hosts: [web]\ngateways: [gone]\nhttp: [{route: [{destination: {host: web}}]}]"
    assert codes("", istio("VirtualService", service, namespace="shop")) == [("IST0101", "x")]


def test_two_virtual_services_for_one_host() -> None:
    spec = "hosts: [web]\nhttp: [{route: [{destination: {host: web}}]}]"
    first, second = (istio("VirtualService", spec, name, "shop") for name in ("a", "b"))
    assert codes("", first, second) == [("IST0109", "a"), ("IST0109", "b")]


def test_schema_errors_are_messages_too() -> None:
    assert codes("", istio("PeerAuthentication", "mtls: {mode: MAYBE}", namespace="shop")) == [("IST0106", "x")]


def test_an_annotation_with_a_typing_mistake() -> None:
    wrong = "annotations: {sidecar.istio.io/injct: 'true'}, labels: {app: web}}"
    pod = MESH.replace("labels: {app: web, version: v1}}", wrong)
    (problem,) = analyze(World(objects(pod)), only={"annotations.K8sAnalyzer"})
    assert (problem.code, problem.hint) == ("IST0108", "did you mean sidecar.istio.io/inject?")


INJECTORS = """---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector, labels: {istio.io/rev: default}}
webhooks:
- name: namespace
  clientConfig: {service: {name: istiod, namespace: istio-system}}
  namespaceSelector: {matchLabels: {istio-injection: enabled}}
"""


def test_webhooks_that_overlap_or_call_nobody() -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: istiod, namespace: istio-system}\n"
    assert codes(INJECTORS + service) == []
    assert codes(INJECTORS) == [("IST0139", "istio-sidecar-injector")]
    second = INJECTORS.replace("istio-sidecar-injector", "istio-sidecar-injector-canary")
    assert set(codes(INJECTORS + service + second)) == {
        ("IST0139", "istio-sidecar-injector"), ("IST0139", "istio-sidecar-injector-canary"),
    }  # fmt: skip


def test_an_image_that_only_injection_fills_in() -> None:
    deployment = """---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gw, namespace: plain}
spec: {template: {spec: {containers: [{name: istio-proxy, image: auto}]}}}
"""
    assert ("IST0146", "gw") in codes(INJECTORS + deployment)
    assert ("IST0146", "gw") not in codes(INJECTORS + deployment.replace("namespace: plain", "namespace: shop"))


def test_an_analyzer_whose_kind_can_not_be_read_is_quiet() -> None:
    bodies = [body for body in objects(MESH) if body["kind"] != "Pod"]
    policy = istio("AuthorizationPolicy", "selector: {matchLabels: {app: web}}", namespace="shop")
    assert [problem.code for problem in analyze(World([*bodies, policy]))] == ["IST0127"]
    assert analyze(World([*bodies, policy]), absent={PODS}) == []


@pytest.mark.parametrize("name", [analyzer.name for analyzer in ANALYZERS])
def test_no_analyzer_fails_on_objects_of_wrong_form(name: str) -> None:
    broken = [istio(kind, "{hosts: 5, servers: x, rules: [7], host: [], configPatches: {}}") for kind in
              ("VirtualService", "Gateway", "AuthorizationPolicy", "DestinationRule", "EnvoyFilter")]  # fmt: skip
    problems = analyze(World([*objects(MESH), *broken]), only={name})
    assert {problem.code for problem in problems} <= {"IST0106", "TEJ0001"}
