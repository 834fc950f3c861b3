"""The server's own metrics, under Prometheus's names as far as we have the same thing. Pure but for the process's own.

Source: /metrics of Prometheus 2.42.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tejer.kube.version import VERSION
from tejer.observe.metrics.current import CurrentConfig
from tejer.observe.metrics.scrape.pool import Pool

_PAGE = resource.getpagesize()


def own_metrics(pools: Mapping[str, Pool], current: CurrentConfig, head: Mapping[str, int], started: int) -> str:
    """Prometheus text. `head` is the store's `head_stats` and number of `problems`; `started` in milliseconds."""
    gauges = {
        "prometheus_config_last_reload_successful": 0 if current.problem else 1,
        "prometheus_config_last_reload_success_timestamp_seconds": current.loaded_at / 1000,
        "prometheus_tsdb_head_series": head.get("numSeries", 0),
        "prometheus_tsdb_head_chunks": head.get("chunkCount", 0),
        "prometheus_tsdb_head_min_time": head.get("minTime", 0),
        "prometheus_tsdb_head_max_time": head.get("maxTime", 0),
        "tejer_prometheus_storage_problems": head.get("problems", 0),
        "process_resident_memory_bytes": _resident(),
        "process_start_time_seconds": started / 1000,
    }
    families = [
        *_family("prometheus_build_info", "gauge", {f'version="{VERSION}"': 1}),
        *(line for name, value in gauges.items() for line in _family(name, "gauge", {"": value})),
        *_targets(pools),
        *_family("process_cpu_seconds_total", "counter", {"": time.process_time()}),
    ]
    return "".join(families)


def _targets(pools: Mapping[str, Pool]) -> Iterator[str]:
    targets, samples = {}, {}
    for name, pool in pools.items():
        label = f'scrape_job="{escape(name)}"'
        targets[label] = float(len(pool.loops))
        samples[label] = float(sum(loop.samples for loop in pool.loops.values()))
    yield from _family("prometheus_target_scrape_pool_targets", "gauge", targets)
    yield from _family("tejer_prometheus_last_scrapes_samples", "gauge", samples)


def _family(name: str, kind: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}\n"
    for labels, value in values.items():
        yield f"{name}{{{labels}}} {value:.17g}\n" if labels else f"{name} {value:.17g}\n"


def escape(text: str) -> str:
    """A label's value as the text format has it."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _resident() -> float:
    try:
        return float(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE)
    except (OSError, IndexError, ValueError):
        return 0.0
