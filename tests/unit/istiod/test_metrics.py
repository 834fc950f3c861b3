from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.census import Census

DASHBOARDS = Path(__file__).resolve().parents[3] / "infrastructure/grafana"
_OURS = re.compile(r"\b(?:pilot|citadel|galley|sidecar_injection|process)_[a-z0-9_]+[a-z0-9]\b")
_DERIVED = re.compile(r"_(bucket|sum|count)$")


def families(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


@pytest.mark.parametrize("file", ["pilot-dashboard.json", "istio-performance-dashboard.json"])
def test_what_the_dashboards_ask_for_is_there_once(file: str) -> None:
    text = Metrics().text()
    asked = {name for name in _OURS.findall(json.dumps(json.loads((DASHBOARDS / file).read_text())))
             if not name.startswith("pilot_conflict")}  # fmt: skip
    assert asked
    for name in asked:
        family = name if name in families(text) else _DERIVED.sub("", name)
        assert text.count(f"# TYPE {family} ") == 1, name


def test_the_census_is_shown() -> None:
    metrics = Metrics()
    metrics.take_census(Census(1, 2, 3, 4, 5, 6))
    shown = dict(line.split() for line in metrics.text().splitlines() if not line.startswith("#"))
    assert [shown[name] for name in (
        "pilot_services", "pilot_virt_services", "pilot_no_ip", "pilot_endpoint_not_ready", "pilot_eds_no_instances",
        "pilot_dns_cluster_without_endpoints",
    )] == ["1", "2", "3", "4", "5", "6"]  # fmt: skip


def test_certificates_that_nobody_knows_yet_expire_never() -> None:
    metrics = Metrics()
    assert not re.search(r"^citadel_server_root_cert_expiry", metrics.text(), re.MULTILINE)
    metrics.root_expiry.set(time.time() + 1000)
    left = re.search(r"^citadel_server_root_cert_expiry_seconds (\S+)$", metrics.text(), re.MULTILINE)
    assert left and 0 < float(left[1]) <= 1000
