"""The bootstrap as a golden file, and accepted by the real Envoy."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tejer.envoy.bootstrap import BootstrapParams, bootstrap, sds_files
from tests.support.envoy_config import loaded

GOLDEN = Path(__file__).parents[2] / "golden" / "bootstrap"
PARAMS = BootstrapParams(
    node_id="sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local",
    cluster="web.shop",
    metadata={"NAME": "web-1", "NAMESPACE": "shop"},
)


def test_golden() -> None:
    text = json.dumps(bootstrap(PARAMS), indent=2) + "\n"
    path = GOLDEN / "sidecar.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize(
    "params",
    [
        PARAMS,
        BootstrapParams(
            node_id="router~10.0.0.1~gw.istio-system~istio-system.svc.cluster.local",
            cluster="gw.istio-system",
            metadata={},
            stats_prefixes=("http.",),
            stats_suffixes=("cx_total",),
            stats_regexes=(r"cluster\..*",),
            histogram_buckets={"istio_": (1, 5, 10.5)},
            stats_eviction_seconds=60,
        ),
    ],
    ids=["sidecar", "router"],
)
def test_envoy_accepts_it_without_a_deprecation(params: BootstrapParams, tmp_path: Path) -> None:
    certificate, roots = sds_files(str(tmp_path / "certs"))
    (tmp_path / "certs").mkdir()
    (tmp_path / "sds-default.json").write_text(json.dumps(certificate))
    (tmp_path / "sds-rootca.json").write_text(json.dumps(roots))
    document = json.dumps(bootstrap(params)).replace("/etc/istio/proxy", str(tmp_path))
    (tmp_path / "b.json").write_text(document)
    done = loaded(tmp_path / "b.json")
    assert done.returncode == 0, done.stderr
    assert "eprecated" not in done.stderr


@pytest.mark.parametrize(
    ("name", "cluster"),
    [
        ("cluster.outbound|80|v1|a.b.svc.cluster.local;.upstream_cx_total", "outbound|80|v1|a.b.svc.cluster.local"),
        ("cluster.xds-grpc.upstream_rq_total", "xds-grpc"),
        ("cluster.BlackHoleCluster;.upstream_cx_total", "BlackHoleCluster"),
        ("cluster.inbound|8000||;.circuit_breakers.default.cx_open", "inbound|8000||"),
    ],
)  # fmt: skip
def test_cluster_names_are_one_tag(name: str, cluster: str) -> None:
    import re

    tags = {tag["tag_name"]: tag["regex"] for tag in bootstrap(PARAMS)["stats_config"]["stats_tags"]}
    match = re.search(tags["cluster_name"], name)
    assert match
    assert match[2] == cluster
    assert name.replace(match[1], "", 1).startswith("cluster.")
