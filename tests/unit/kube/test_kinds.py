"""Typed views of built-in objects: names, zero values, nulls, and that every message decodes."""

import importlib

import msgspec
import pytest

from tejer.kube.kinds import base, core, istio_mesh, istio_networking
from tejer.kube.resource import decode

MODULES = ("admission", "apiextensions", "apps", "authentication", "authorization", "coordination", "core",
           "discovery", "meta", "policy", "rbac", "storage", "istio_networking", "istio_security", "istio_telemetry",
           "istio_extensions")  # fmt: skip


def test_a_pod_reads_in_snake_case() -> None:
    pod = decode(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "creationTimestamp": None},
            "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]},
            "status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
        },
        core.Pod,
    )
    assert pod.spec.containers[0].ports[0].container_port == 80
    assert pod.status.pod_ip == pod.status.pod_ips[0].ip == "10.0.0.1"
    assert pod.metadata.creation_timestamp == ""


def test_a_wrong_type_names_its_path() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.metadata\.labels"):
        decode({"metadata": {"labels": {"a": 1}}}, core.Pod)


@pytest.mark.parametrize("module", MODULES)
def test_every_message_has_a_zero_value(module: str) -> None:
    for value in vars(importlib.import_module(f"tejer.kube.kinds.{module}")).values():
        if isinstance(value, type) and issubclass(value, base.Kind) and value is not base.Kind:
            assert msgspec.to_builtins(decode({}, value)) == {}


def test_an_absent_mesh_setting_has_istios_default() -> None:
    mesh = decode({"outboundTrafficPolicy": {}, "accessLogFile": "/dev/stdout"}, istio_mesh.MeshConfig)
    assert mesh.outbound_traffic_policy.mode == "ALLOW_ANY"
    assert mesh.enable_auto_mtls is True
    assert mesh.default_config.status_port == 15020
    assert mesh.trust_domain == "cluster.local"


def test_a_virtual_service_reads_both_spellings_of_mirror_percent() -> None:
    route = decode({"mirrorPercent": 5, "mirror_percent": 6, "timeout": "5s"}, istio_networking.HTTPRoute)
    assert (route.mirror_percent, route.mirror_percent_alias, route.timeout) == (5, 6, "5s")
