"""Which provider gets spans, how many, and with which tags: mesh config below, Telemetry objects above."""

from typing import Any

from tejer.istiod.model.config import read_config
from tejer.istiod.model.settings import TracingTag, mesh_settings
from tejer.istiod.model.telemetry import Telemetry
from tejer.istiod.model.tracing import TracingRule, tracing_rule
from tejer.kube.kinds.istio_telemetry import TelemetrySpec
from tejer.kube.resource import Key

MESH: dict[str, Any] = {
    "extensionProviders": [
        {"name": "otlp", "opentelemetry": {"service": "collector.obs.svc.cluster.local", "port": 4317}},
        {"name": "web", "opentelemetry": {"service": "c.d.svc", "port": 4318, "http": {"path": "/v1/traces"}}},
        {"name": "zipkin", "zipkin": {"service": "zipkin.obs.svc.cluster.local", "port": 9411, "maxTagLength": 32}},
    ]
}


def telemetry(*entries: dict[str, Any]) -> Telemetry:
    body = {"spec": {"tracing": list(entries)}}
    return read_config(Key("telemetry.istio.io", "telemetries", "ns", "t"), body, TelemetrySpec)


def rule(*levels: Telemetry, side: str = "CLIENT", **mesh: Any) -> TracingRule | None:
    return tracing_rule(levels, mesh_settings({**MESH, **mesh}), side)


def test_nobody_is_traced_without_a_provider() -> None:
    assert rule() is None
    assert rule(telemetry({"randomSamplingPercentage": 100})) is None
    assert rule(telemetry({"providers": [{"name": "unknown"}]})) is None


def test_defaults_are_istios() -> None:
    found = rule(defaultProviders={"tracing": ["zipkin"]})
    assert found is not None
    assert (found.provider.name, found.sampling, found.istio_tags) == ("zipkin", 1.0, True)
    assert found.max_path_tag_length == 32


def test_each_level_changes_only_what_it_names() -> None:
    mesh = telemetry({"providers": [{"name": "otlp"}], "randomSamplingPercentage": 5, "enableIstioTags": False})
    mine = telemetry({"randomSamplingPercentage": 0, "customTags": {"a": {"literal": {"value": "1"}}}})
    found = rule(mesh, mine)
    assert found is not None
    assert (found.provider.name, found.sampling, found.istio_tags) == ("otlp", 0.0, False)
    assert found.tags == (TracingTag(name="a", kind="literal", value="1"),)


def test_sides() -> None:
    level = telemetry({"providers": [{"name": "otlp"}], "match": {"mode": "SERVER"}})
    assert rule(level) is None
    assert rule(level, side="SERVER") is not None


def test_off() -> None:
    on = telemetry({"providers": [{"name": "otlp"}]})
    assert rule(on, enableTracing=False) is None
    assert rule(on, telemetry({"disableSpanReporting": True})) is None


def test_mesh_wide_sampling_and_tags() -> None:
    tracing = {"sampling": 42.5, "customTags": {"pod": {"environment": {"name": "POD_NAME", "defaultValue": "?"}}}}
    found = rule(telemetry({"providers": [{"name": "web"}]}), defaultConfig={"tracing": tracing})
    assert found is not None
    assert (found.sampling, found.provider.path) == (42.5, "/v1/traces")
    assert found.tags == (TracingTag(name="pod", kind="environment", value="POD_NAME", default="?"),)
