"""One scrape for both: annotations lead Prometheus to the agent, which adds the application's metrics.

Source: Istio's pkg/kube/inject/webhook.go, applyPrometheusMerge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

SCRAPE, PORT, PATH = "prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path"
MERGE = "prometheus.istio.io/merge-metrics"
APP_SCRAPE = "ISTIO_PROMETHEUS_ANNOTATIONS"
_MERGED_PATH = "/stats/prometheus"


def merge_annotations(
    annotations: Mapping[str, str], *, mesh_merges: bool, status_port: int
) -> tuple[dict[str, str], str]:
    """New annotations, and the value of ISTIO_PROMETHEUS_ANNOTATIONS ("" if the application exposes nothing)."""
    merges = annotations.get(MERGE, "true" if mesh_merges else "false").lower() == "true"
    wanted = annotations.get(SCRAPE, "true").lower() == "true"
    if not merges or not wanted or annotations.get(PORT) == str(status_port):
        return dict(annotations), ""
    merged = {**annotations, SCRAPE: "true", PORT: str(status_port), PATH: _MERGED_PATH}
    declared = any(name in annotations for name in (SCRAPE, PORT, PATH))
    if not declared:
        return merged, ""
    scrape = {"scrape": "true", "path": annotations.get(PATH, ""), "port": annotations.get(PORT, "")}
    return merged, json.dumps(scrape, separators=(",", ":"))
