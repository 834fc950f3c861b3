"""What the injected container says, and the xDS node made of it."""

from __future__ import annotations

import pytest

from tejer.envoy.agent.metadata import bootstrap_params, node_id, node_metadata, worker_threads
from tejer.envoy.agent.settings import Settings, duration, parse_pod_file, parse_settings

ENVIRONMENT = {
    "POD_NAME": "web-1",
    "POD_NAMESPACE": "shop",
    "INSTANCE_IP": "10.0.0.7",
    "SERVICE_ACCOUNT": "web",
    "CA_ADDR": "istiod.istio-system.svc:15012",
    "PROXY_CONFIG": '{"concurrency":1,"terminationDrainDuration":"7s",'
    '"proxyStatsMatcher":{"inclusionPrefixes":["http."]}}',
    "ISTIO_META_CLUSTER_ID": "Kubernetes",
    "ISTIO_META_WORKLOAD_NAME": "web",
    "ISTIO_METAJSON_EXTRA": '{"a":1}',
    "ISTIO_KUBE_APP_PROBERS": '{"/app-health/web/readyz":{"tcpSocket":{"port":1}}}',
    "EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true",
}
PODINFO = {"labels": 'app="web"\nversion="v\\"2"\n', "annotations": 'a="1"\nlong="' + "x" * 2000 + '"\n'}


def parsed(**more: str) -> Settings:
    arguments = ["sidecar", "--domain", "shop.svc.cluster.local", "--proxyLogLevel=debug"]
    return parse_settings(arguments, {**ENVIRONMENT, **more}, PODINFO)


def test_everything_is_read() -> None:
    settings = parsed()
    assert (settings.node_type, settings.pod, settings.namespace, settings.ip) == (
        "sidecar",
        "web-1",
        "shop",
        "10.0.0.7",
    )
    assert settings.log_level == "debug"
    assert settings.drain_seconds == 7.0
    assert settings.concurrency == 1
    assert settings.exit_on_zero_connections
    assert settings.labels == {"app": "web", "version": 'v"2'}
    assert settings.probers == {"/app-health/web/readyz": {"tcpSocket": {"port": 1}}}
    assert settings.certificate_seconds == 86_400


def test_node() -> None:
    settings = parsed()
    assert node_id(settings) == "sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local"
    metadata = node_metadata(settings)
    assert metadata["LABELS"] == settings.labels
    assert metadata["WORKLOAD_NAME"] == "web"
    assert metadata["EXTRA"] == {"a": 1}
    assert metadata["ANNOTATIONS"] == {"a": "1"}
    params = bootstrap_params(settings)
    assert params.cluster == "web.shop"
    assert (params.discovery_host, params.discovery_port) == ("istiod.istio-system.svc", 15012)
    assert params.stats_prefixes == ("http.",)


def test_series_that_are_idle_can_be_dropped() -> None:
    annotations = 'sidecar.istio.io/statsFlushInterval="10s"\nsidecar.istio.io/statsEvictionInterval="25s"\n'
    params = bootstrap_params(parse_settings([], ENVIRONMENT, {"annotations": annotations}))
    assert (params.stats_flush_seconds, params.stats_eviction_seconds) == (10, 30)


def test_annotations_of_statistics_win() -> None:
    settings = parse_settings([], ENVIRONMENT, {"annotations": 'sidecar.istio.io/statsInclusionPrefixes="a, b"\n'})
    assert bootstrap_params(settings).stats_prefixes == ("a", "b")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PROXY_CONFIG", "{", "PROXY_CONFIG does not hold JSON"),
        ("PROXY_CONFIG", "[]", "PROXY_CONFIG holds list"),
        ("ISTIO_CPU_LIMIT", "many", "ISTIO_CPU_LIMIT is 'many'"),
        ("SECRET_TTL", "soon", "'soon' is not a duration"),
    ],
)
def test_broken_settings_are_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        parsed(**{variable: value})


def test_an_unknown_proxy_type_is_refused() -> None:
    with pytest.raises(ValueError, match="'waypoint' is not one of"):
        parse_settings(["waypoint"], {}, {})


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("1m30s", 90), ("500ms", 0.5), ("24h", 86400), ("0", 0)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["5", "s", "5x", "1.s.5"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration|could not convert"):
        duration(text)


def test_workers() -> None:
    assert worker_threads(Settings(), 64) == 2
    assert worker_threads(Settings(), 1) == 1
    assert worker_threads(Settings(cpu_limit=4), 1) == 4
    assert worker_threads(Settings(cpu_limit=4, concurrency=1), 8) == 1


def test_pod_files_escape_as_go_does() -> None:
    assert parse_pod_file('a="x\\ny"\nb=plain\n\n') == {"a": "x\ny", "b": "plain"}
