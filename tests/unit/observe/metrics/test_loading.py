from __future__ import annotations

from pathlib import Path

import pytest

from tejer.kube.manifest import load_paths
from tejer.observe.metrics.loading import ConfigError, load_config
from tests.unit.observe.metrics.istio_addon import ISTIO_ADDON

ADDON = Path(__file__).parents[4] / "samples/addons/prometheus.yaml"


def test_defaults() -> None:
    config = load_config("scrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 5s}]").config
    a, b = config.scrape_configs
    assert (a.scrape_interval, a.scrape_timeout, a.metrics_path, a.scheme) == (15_000, 10_000, "/metrics", "http")
    assert (b.scrape_interval, b.scrape_timeout) == (5000, 5000)
    assert load_config("").config.scrape_configs == ()


def test_the_configuration_of_istios_addon_loads() -> None:
    loaded = load_config(ISTIO_ADDON)
    assert [job.job_name for job in loaded.config.scrape_configs] == [
        "prometheus", "kubernetes-apiservers", "kubernetes-nodes", "kubernetes-nodes-cadvisor",
        "kubernetes-service-endpoints", "kubernetes-service-endpoints-slow", "prometheus-pushgateway",
        "kubernetes-services", "kubernetes-pods", "kubernetes-pods-slow",
    ]  # fmt: skip
    assert loaded.warnings == (
        "prometheus.yml:5: rule_files: recording and alerting rules are not evaluated",
        "prometheus.yml:2: global.evaluation_interval: recording and alerting rules are not evaluated",
    )
    nodes = loaded.config.scrape_configs[2]
    assert nodes.tls_config.ca_file.endswith("ca.crt") and nodes.tls_config.insecure_skip_verify


def test_our_addons_configuration_loads() -> None:
    (config,) = [doc.body for doc in load_paths([str(ADDON)]) if doc.body["kind"] == "ConfigMap"]
    loaded = load_config(config["data"]["prometheus.yml"])
    assert loaded.warnings == ()
    assert [job.job_name for job in loaded.config.scrape_configs][1] == "kubernetes-pods"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scrape_confgs: []", "prometheus.yml:1: scrape_confgs: no such field"),
        ("scrape_configs:\n- job_name: a\n  intervall: 1s\n", "prometheus.yml:3: scrape_configs[0].intervall: no such"),
        (
            "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - action: keep\n    regex: '('\n",
            "prometheus.yml:5: scrape_configs[0].relabel_configs[0].regex: '(' is not a regular expression",
        ),
        ("scrape_configs: [{job_name: a, scrape_interval: soon}]", "'soon' is not a duration"),
        ("scrape_configs: [{job_name: a, scheme: ftp}]", "scrape_configs[0].scheme: Invalid enum value 'ftp'"),
        ("scrape_configs: [{job_name: a}, {job_name: a}]", "two jobs are named 'a'"),
        ("scrape_configs: [{}]", "missing required field `job_name`"),
        ("scrape_configs: [{job_name: a, scrape_interval: 1s, scrape_timeout: 2s}]", "timeout is greater"),
        (
            "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: ingress}]}]",
            "role 'ingress' is not supported; there are node, service, pod, endpoints, endpointslice",
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod, target_label: b}]}]",
            "action hashmod needs a modulus",
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{source_labels: [b]}]}]",
            "action replace needs a target_label",
        ),
        ("scrape_configs: [{job_name: a, static_configs: [{targets: [b], labels: {'c-d': e}}]}]", "not a label's name"),
        ("global: {external_labels: {'0': a}}", "prometheus.yml:1: global.external_labels.0: not a label's name"),
        ("- a\n", "expected an object, got a list"),
        ("a: b: c", "prometheus.yml:1"),
        ("a: 1\n---\nb: 2\n", "prometheus.yml:3: only one document is expected"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(text)
    assert said in str(caught.value)


def test_what_prometheus_knows_and_we_dont_act_on_is_a_warning() -> None:
    text = "remote_write: [{url: x}]\nscrape_configs:\n- job_name: a\n  consul_sd_configs: [{server: c}]\n"
    loaded = load_config(text)
    assert loaded.warnings == (
        "prometheus.yml:1: remote_write: samples are not sent on",
        "prometheus.yml:4: scrape_configs[0].consul_sd_configs: this discovery is not supported: "
        "its targets are not found",
    )
    assert len(loaded.config.scrape_configs) == 1


def test_unquoted_scalars_are_the_strings_that_go_reads() -> None:
    text = "scrape_configs: [{job_name: 1, relabel_configs: [{action: keep, source_labels: [a], regex: true}]}]"
    (job,) = load_config(text).config.scrape_configs
    assert job.job_name == "1"
    assert job.relabel_configs[0].regex.match("true") and not job.relabel_configs[0].regex.match("True")
