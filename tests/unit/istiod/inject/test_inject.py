"""Golden cases: tests/golden/inject/NAME.in.yaml -> NAME.out.yaml; then single rules.

To accept a change: run this file with UPDATE_GOLDEN=1 in the environment, then read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from tejer.istiod.inject.config import InjectConfig, InjectRequest
from tejer.istiod.inject.inject import inject, inject_pod
from tejer.istiod.inject.objects import inject_object
from tejer.kube.dump import to_yaml_documents
from tejer.kube.manifest import load_text
from tejer.kube.resource import Body

GOLDEN = Path(__file__).parents[3] / "golden" / "inject"
CONFIG = InjectConfig(image="tejer/proxyv2:1.2.3")


def request(pod: Body, config: InjectConfig = CONFIG) -> InjectRequest:
    return InjectRequest(pod=pod, namespace="shop", config=config)


def pod(containers: list[Body] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": annotations or {}},
        "spec": {"containers": containers or [{"name": "web", "image": "tejer/echo"}], **spec},
    }


def container(body: Body, name: str) -> Body:
    spec = body["spec"]
    found = [c for c in (*spec.get("initContainers", ()), *spec["containers"]) if c["name"] == name]
    assert len(found) == 1, f"{name}: {found}"
    return dict(found[0])


def env(body: Body) -> dict[str, str]:
    return {item["name"]: item.get("value", "<ref>") for item in container(body, "istio-proxy")["env"]}


def injected(body: Body, config: InjectConfig = CONFIG) -> Body:
    result = inject_pod(request(body, config))
    assert result is not None
    return result.pod


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.in.yaml")), ids=lambda path: path.name.split(".")[0])
def test_golden(path: Path) -> None:
    bodies = []
    for document in load_text(path.read_text(), path.name):
        result = inject_object(document.body, CONFIG)
        bodies.append(result.pod if result else document.body)
    expected = path.with_name(path.name.replace(".in.", ".out."))
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(to_yaml_documents(bodies))
    assert bodies == [document.body for document in load_text(expected.read_text(), expected.name)]


def test_the_patch_makes_the_pod() -> None:
    body = pod(annotations={"a/b~c": "1", "prometheus.io/port": "8000"}, volumes=[{"name": "mine", "emptyDir": {}}])
    operations = inject(request(body))
    assert operations is not None
    assert jsonpatch.apply_patch(body, operations) == injected(body)


def test_the_pod_given_is_not_changed() -> None:
    body = pod([{"name": "web", "image": "x", "readinessProbe": {"tcpSocket": {"port": 80}}}])
    before = json.dumps(body)
    inject(request(body))
    assert json.dumps(body) == before


def test_a_pod_that_has_a_sidecar_gets_no_second_one() -> None:
    assert inject(request(injected(pod()))) is None


def test_capture_annotations_reach_istio_init() -> None:
    body = injected(
        pod(
            annotations={
                "traffic.sidecar.istio.io/includeInboundPorts": "8080,9090",
                "traffic.sidecar.istio.io/excludeInboundPorts": "9000",
                "traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/8",
                "traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.1.0.0/16",
                "traffic.sidecar.istio.io/includeOutboundPorts": "443",
                "traffic.sidecar.istio.io/excludeOutboundPorts": "3306",
                "traffic.sidecar.istio.io/excludeInterfaces": "eth1",
            }
        )
    )
    arguments = container(body, "istio-init")["args"]
    for flag, value in (
        ("-b", "8080,9090"), ("-d", "15090,15021,15020,9000"), ("-i", "10.0.0.0/8"), ("-x", "10.1.0.0/16"),
        ("-q", "443"), ("-o", "3306"), ("-c", "eth1"),
    ):  # fmt: skip
        assert arguments[arguments.index(flag) + 1] == value


def test_all_bad_annotations_are_named_at_once() -> None:
    body = pod(
        annotations={
            "traffic.sidecar.istio.io/excludeOutboundPorts": "80,http",
            "traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/99",
            "sidecar.istio.io/interceptionMode": "TPROXY",
        }
    )
    with pytest.raises(ValueError, match="'http' is not a port") as caught:
        inject(request(body))
    assert "'10.0.0.0/99' is not an IP range" in str(caught.value)
    assert "'TPROXY' is not supported yet" in str(caught.value)


def test_known_annotations_without_effect_are_said() -> None:
    result = inject_pod(request(pod(annotations={"sidecar.istio.io/nativeSidecar": "true"})))
    assert result is not None
    assert "nativeSidecar has no effect" in result.warnings[0]


def test_proxy_annotations() -> None:
    body = injected(
        pod(
            annotations={
                "sidecar.istio.io/proxyImage": "tejer/proxyv2:mine",
                "sidecar.istio.io/proxyCPU": "50m",
                "sidecar.istio.io/proxyMemoryLimit": "256Mi",
                "sidecar.istio.io/logLevel": "debug",
                "sidecar.istio.io/componentLogLevel": "http:trace",
                "readiness.status.sidecar.istio.io/periodSeconds": "3",
                "sidecar.istio.io/userVolume": '[{"name":"extra","emptyDir":{}}]',
                "sidecar.istio.io/userVolumeMount": '[{"name":"extra","mountPath":"/extra"}]',
            }
        )
    )
    proxy = container(body, "istio-proxy")
    assert proxy["image"] == container(body, "istio-init")["image"] == "tejer/proxyv2:mine"
    assert proxy["resources"] == {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}}
    assert "--proxyLogLevel=debug" in proxy["args"]
    assert "--proxyComponentLogLevel=http:trace" in proxy["args"]
    assert proxy["readinessProbe"]["periodSeconds"] == 3
    assert {"name": "extra", "mountPath": "/extra"} in proxy["volumeMounts"]
    assert {"name": "extra", "emptyDir": {}} in body["spec"]["volumes"]
    assert "ISTIO_CPU_LIMIT" not in env(body)


def test_proxy_config_of_mesh_and_pod_are_merged() -> None:
    config = InjectConfig(mesh={"defaultConfig": {"concurrency": 1, "proxyMetadata": {"A": "mesh", "B": "mesh"}}})
    annotation = "proxyMetadata:\n  A: pod\nholdApplicationUntilProxyStarts: true\nterminationDrainDuration: 7s\n"
    body = injected(pod(annotations={"proxy.istio.io/config": annotation}), config)
    assert json.loads(env(body)["PROXY_CONFIG"]) == {
        "concurrency": 1,
        "proxyMetadata": {"A": "pod", "B": "mesh"},
        "holdApplicationUntilProxyStarts": True,
        "terminationDrainDuration": "7s",
    }
    assert (env(body)["A"], env(body)["B"]) == ("pod", "mesh")
    assert [item["name"] for item in body["spec"]["containers"]] == ["istio-proxy", "web"]
    assert container(body, "istio-proxy")["lifecycle"]["postStart"]["exec"]["command"] == ["pilot-agent", "wait"]


def test_proxy_config_is_used_warned_of_or_refused() -> None:
    annotation = "proxy.istio.io/config"
    result = inject_pod(request(pod(annotations={annotation: "statusPort: 16020\ntracing: {sampling: 5.0}\n"})))
    assert result is not None
    assert result.warnings == ("proxy config field tracing has no effect yet: use the Telemetry API",)
    assert result.pod["metadata"]["annotations"]["prometheus.io/port"] == "16020"
    arguments = container(result.pod, "istio-init")["args"]
    assert arguments[arguments.index("-d") + 1] == "15090,15021,16020"
    with pytest.raises(ValueError, match="unknown fields: nonsense"):
        inject(request(pod(annotations={annotation: "nonsense: 1"})))
    with pytest.raises(ValueError, match=r"Expected `int \| null`, got `str` - at .*concurrency"):
        inject(request(pod(annotations={annotation: "concurrency: many"})))
    capture = "proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'true'}"
    result = inject_pod(request(pod(annotations={annotation: capture})))
    assert result is not None
    assert "ISTIO_META_DNS_CAPTURE has no effect yet" in result.warnings[0]


def test_a_way_of_capture_that_is_not_there_is_said() -> None:
    config = "interceptionMode: TPROXY"
    result = inject_pod(request(pod(annotations={"proxy.istio.io/config": config})))
    assert result is not None
    assert "TPROXY is not supported yet" in result.warnings[0]


def test_a_broken_proxy_config_refuses_the_pod() -> None:
    with pytest.raises(ValueError, match=r"annotation proxy\.istio\.io/config"):
        inject(request(pod(annotations={"proxy.istio.io/config": "a: [1"})))


def test_probes_go_to_the_agent_except_exec_ones() -> None:
    app = {
        "name": "web",
        "image": "x",
        "ports": [{"name": "http", "containerPort": 8000}],
        "livenessProbe": {"httpGet": {"port": "http", "path": "/live", "scheme": "HTTPS"}, "periodSeconds": 7},
        "readinessProbe": {"tcpSocket": {"port": 8000}, "timeoutSeconds": 4},
        "startupProbe": {"grpc": {"port": 9000, "service": "bank"}},
    }
    other = {"name": "tool", "image": "x", "livenessProbe": {"exec": {"command": ["true"]}}}
    body = injected(pod([app, other]))
    web = container(body, "web")
    assert web["livenessProbe"] == {"httpGet": {"path": "/app-health/web/livez", "port": 15020}, "periodSeconds": 7}
    assert web["readinessProbe"]["httpGet"]["path"] == "/app-health/web/readyz"
    assert web["startupProbe"]["httpGet"]["path"] == "/app-health/web/startupz"
    assert container(body, "tool") == other
    assert json.loads(env(body)["ISTIO_KUBE_APP_PROBERS"]) == {
        "/app-health/web/livez": {"httpGet": {"port": 8000, "path": "/live", "scheme": "HTTPS"}},
        "/app-health/web/readyz": {"tcpSocket": {"port": 8000}, "timeoutSeconds": 4},
        "/app-health/web/startupz": {"grpc": {"port": 9000, "service": "bank"}},
    }


def test_probes_stay_where_asked() -> None:
    app = {"name": "web", "image": "x", "readinessProbe": {"httpGet": {"port": 8000}}}
    body = injected(pod([app], {"sidecar.istio.io/rewriteAppHTTPProbers": "false"}))
    assert container(body, "web") == app
    assert "ISTIO_KUBE_APP_PROBERS" not in env(body)


def test_a_probe_of_an_unknown_port_name_is_refused() -> None:
    app = {"name": "web", "image": "x", "readinessProbe": {"httpGet": {"port": "nope"}}}
    with pytest.raises(ValueError, match="container web: readinessProbe names port 'nope'"):
        inject(request(pod([app])))


@pytest.mark.parametrize(
    ("annotations", "port", "scrape"),
    [
        ({}, "15020", None),
        ({"prometheus.io/port": "8000", "prometheus.io/path": "/m"}, "15020",
         {"scrape": "true", "port": "8000", "path": "/m"}),
        ({"prometheus.io/scrape": "false", "prometheus.io/port": "8000"}, "8000", None),
        ({"prometheus.istio.io/merge-metrics": "false", "prometheus.io/port": "8000"}, "8000", None),
    ],
)  # fmt: skip
def test_scrape_annotations(annotations: dict[str, str], port: str, scrape: dict[str, str] | None) -> None:
    body = injected(pod(annotations=annotations))
    assert body["metadata"]["annotations"]["prometheus.io/port"] == port
    given = env(body).get("ISTIO_PROMETHEUS_ANNOTATIONS")
    assert (json.loads(given) if given else None) == scrape


def test_the_users_own_proxy_container_wins() -> None:
    own = {
        "name": "istio-proxy", "image": "auto", "resources": {"limits": {"cpu": "1"}},
        "env": [{"name": "POD_NAME", "value": "mine"}, {"name": "EXTRA", "value": "1"}],
        "volumeMounts": [{"name": "x", "mountPath": "/x"}],
    }  # fmt: skip
    body = injected(pod([{"name": "web", "image": "x"}, own]))
    proxy = container(body, "istio-proxy")
    assert proxy["image"] == "tejer/proxyv2:1.2.3"
    assert proxy["resources"]["limits"]["cpu"] == "1"
    assert env(body)["POD_NAME"] == "mine"
    assert env(body)["EXTRA"] == "1"
    assert {"/x", "/etc/istio/proxy"} <= {mount["mountPath"] for mount in proxy["volumeMounts"]}


def test_a_gateway_is_its_proxy() -> None:
    shell = {"name": "istio-proxy", "image": "auto", "ports": [{"containerPort": 8080}]}
    body = injected(pod([shell], {"inject.istio.io/templates": "gateway"}))
    assert "initContainers" not in body["spec"]
    assert [item["name"] for item in body["spec"]["containers"]] == ["istio-proxy"]
    proxy = container(body, "istio-proxy")
    assert proxy["args"][:2] == ["proxy", "router"]
    assert {port["containerPort"] for port in proxy["ports"]} == {8080, 15090}


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(ValueError, match=r"inject\.istio\.io/templates is 'grpc-agent'"):
        inject(request(pod(annotations={"inject.istio.io/templates": "grpc-agent"})))


def test_interception_mode_none_has_no_init_container() -> None:
    body = injected(pod(annotations={"sidecar.istio.io/interceptionMode": "NONE"}))
    assert "initContainers" not in body["spec"]
    assert env(body)["ISTIO_META_INTERCEPTION_MODE"] == "NONE"


def test_workload_and_owner_come_from_the_replica_set() -> None:
    body = pod()
    body["metadata"] = {
        "generateName": "web-5f6d8-",
        "labels": {"app": "shop", "version": "v2", "pod-template-hash": "5f6d8"},
        "ownerReferences": [{"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": "web-5f6d8", "controller": True}],
    }
    result = injected(body)
    assert env(result)["ISTIO_META_WORKLOAD_NAME"] == "web"
    assert env(result)["ISTIO_META_OWNER"] == "kubernetes://apis/apps/v1/namespaces/shop/deployments/web"
    labels = result["metadata"]["labels"]
    assert labels["service.istio.io/canonical-name"] == "shop"
    assert labels["service.istio.io/canonical-revision"] == "v2"
