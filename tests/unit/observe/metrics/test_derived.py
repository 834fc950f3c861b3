from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tejer.kube.manifest import load_value
from tejer.kube.types import PODS
from tejer.observe.metrics.derived import Discoverer, derive, write_groups
from tejer.observe.metrics.loading import ConfigError, load_config
from tejer.observe.metrics.scrape.discovery.kubernetes import Cluster
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup
from tests.unit.observe.metrics.fake_api import FakeCluster
from tests.unit.observe.metrics.istio_addon import ISTIO_ADDON

ONE_JOB = "scrape_configs:\n- job_name: pods/1\n  kubernetes_sd_configs: [{role: pod}]\n"


def test_discovery_becomes_files_and_the_rest_stays() -> None:
    derived = derive(ISTIO_ADDON, "prometheus.yml", Path("/data/derived"))
    before, after = load_value(ISTIO_ADDON), load_value(derived.text)
    assert "kubernetes_sd_configs" not in derived.text
    assert len(derived.discoveries) == 9
    for old, new in zip(before["scrape_configs"], after["scrape_configs"], strict=True):
        entries = old.pop("kubernetes_sd_configs", None)
        if entries:
            (found,) = new.pop("file_sd_configs")
            (path,) = found["files"]
            assert derived.discoveries[Path(path)].role == entries[0]["role"]
        assert new == old
    assert before["rule_files"] == after["rule_files"]
    load_config(derived.text)


def test_a_jobs_name_is_no_path() -> None:
    derived = derive(ONE_JOB.replace("pods/1", "../../etc/x"), "p.yml", Path("/data"))
    assert [path.parent for path in derived.discoveries] == [Path("/data")]


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "p.yml:1"), (ONE_JOB.replace("role: pod", "role: ingress"), "role 'ingress' is not supported")],
)
def test_what_cannot_be_derived_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        derive(text, "p.yml", Path("/data"))


def test_groups_in_the_format_of_files(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    group = TargetGroup("s", ({ADDRESS: "a:1", "__meta_port": "1"}, {ADDRESS: "a:2"}), {"__meta_ns": "x"})
    write_groups(path, [group])
    assert json.loads(path.read_text()) == [
        {"targets": ["a:1"], "labels": {"__meta_ns": "x", "__meta_port": "1"}},
        {"targets": ["a:2"], "labels": {"__meta_ns": "x"}},
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    number = path.stat().st_ino
    write_groups(path, [group])
    assert path.stat().st_ino == number, "what is the same is not written again"


def test_targets_are_kept_in_files_and_a_bad_configuration_changes_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        fake = FakeCluster()
        fake.put(PODS, {"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": [{"name": "c"}]},
                        "status": {"podIP": "10.0.0.1"}})  # fmt: skip
        config = tmp_path / "prometheus.yml"
        config.write_text(ONE_JOB)
        async with asyncio.TaskGroup() as tasks:
            cluster = Cluster(fake.api, "istio-system", tasks)
            discoverer = Discoverer(config, tmp_path / "derived", tasks, lambda _: cluster)
            discoverer.follow()
            (listed,) = (tmp_path / "derived").glob("pods%2F1-0.json")
            assert json.loads(listed.read_text()) == []
            async with asyncio.timeout(20):
                while not json.loads(listed.read_text()):
                    await asyncio.sleep(0.01)
            before = discoverer.path.read_text()
            config.write_text("scrape_configs: [")
            with pytest.raises(ConfigError):
                discoverer.follow()
            assert discoverer.path.read_text() == before and fake.watchers
            config.write_text("scrape_configs: []")
            discoverer.follow()
            async with asyncio.timeout(20):
                while fake.watchers:
                    await asyncio.sleep(0.01)
            discoverer.close()

    asyncio.run(work())
