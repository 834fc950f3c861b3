from typing import Any

from tejer.istiod.model.config import read_config
from tejer.istiod.model.settings import MeshSettings, mesh_settings
from tejer.istiod.model.telemetry import Telemetry, applicable, telemetry_view
from tejer.kube.kinds.istio_telemetry import TelemetrySpec
from tejer.kube.resource import Key


def telemetry(name: str = "t", selector: dict[str, str] | None = None, **rule: Any) -> Telemetry:
    spec: dict[str, Any] = {"accessLogging": [rule]} if rule else {}
    if selector:
        spec["selector"] = {"matchLabels": selector}
    return read_config(Key("telemetry.istio.io", "telemetries", "ns", name), {"spec": spec}, TelemetrySpec)


def test_off_unless_asked_for() -> None:
    assert telemetry_view([], MeshSettings()).client == ()


def test_mesh_config_turns_it_on_for_both_sides() -> None:
    view = telemetry_view([], mesh_settings({"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON"}))
    assert [rule.json for rule in (*view.client, *view.server)] == [True, True]


def test_a_telemetry_object_by_mode() -> None:
    view = telemetry_view([telemetry(providers=[{"name": "envoy"}], match={"mode": "SERVER"})], MeshSettings())
    assert view.client == ()
    assert [rule.path for rule in view.server] == ["/dev/stdout"]


def test_the_nearest_level_decides() -> None:
    mesh, mine = telemetry("mesh", providers=[{"name": "envoy"}]), telemetry("mine", {"app": "web"}, disabled=True)
    levels = applicable([mesh], [mine], {"app": "web"})
    assert [level.name for level in levels] == ["mesh", "mine"]
    assert telemetry_view(levels, MeshSettings()).server == ()
    assert len(telemetry_view(applicable([mesh], [mine], {"app": "x"}), MeshSettings()).server) == 1


def test_providers_and_filters() -> None:
    providers = [
        {"name": "mine", "envoyFileAccessLog": {"path": "/tmp/log", "logFormat": {"labels": {"a": "%PROTOCOL%"}}}}
    ]
    settings = mesh_settings({"extensionProviders": providers})
    rule = telemetry(providers=[{"name": "mine"}, {"name": "unknown"}], filter={"expression": "response.code >= 400"})
    (found,) = telemetry_view([rule], settings).client
    assert (found.path, found.labels, found.expression) == ("/tmp/log", {"a": "%PROTOCOL%"}, "response.code >= 400")


def test_settings_read_durations_and_providers() -> None:
    settings = mesh_settings(
        {
            "connectTimeout": "3s",
            "trustDomain": "example.org",
            "trustDomainAliases": ["old.org"],
            "enableAutoMtls": False,
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
            "extensionProviders": [
                {"name": "authz", "envoyExtAuthzGrpc": {"service": "a", "port": 9, "timeout": "1s"}}
            ],
        }
    )
    assert (settings.connect_timeout, settings.trust_domains) == (3.0, ("example.org", "old.org"))
    assert (settings.auto_mtls, settings.outbound_mode) == (False, "REGISTRY_ONLY")
    assert (settings.ext_authz[0].grpc, settings.ext_authz[0].timeout) == (True, 1.0)
