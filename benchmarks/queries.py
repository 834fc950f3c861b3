"""PromQL over the metrics of 500 services with 1,500 edges, in the store as it runs: on disk, the newest in memory.

    python -m benchmarks.queries      # times are CPU of one thread

Each edge has its requests by three response codes and a histogram of 20 buckets, as its source reports them: 94,500
series of 500 targets, 15 s apart for 10 minutes. What Kiali's graph asks for all namespaces at once is measured.
"""

from __future__ import annotations

import gc
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure
from tejer.observe.metrics.embedded import GARBAGE
from tejer.observe.metrics.promql.engine import Evaluation, parse
from tejer.observe.metrics.series import Labels
from tejer.observe.metrics.store.store import Store

SERVICES, EDGES, STEPS, STEP, BASE = 500, 1_500, 40, 15_000, 1_700_000_000_000
BOUNDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000)
EDGE = (
    "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,"
    "destination_cluster,destination_service_namespace,destination_service,destination_service_name,"
    "destination_workload_namespace,destination_workload,destination_canonical_service,destination_canonical_revision,"
    "request_protocol"
)
GRAPH = f'sum(rate(istio_requests_total{{reporter="source"}}[60s])) by ({EDGE},response_code,response_flags) > 0'
P95 = (
    "histogram_quantile(0.95, sum(rate(istio_request_duration_milliseconds_bucket"
    f'{{reporter="source"}}[60s])) by (le,{EDGE})) > 0'
)


def _edge(number: int) -> dict[str, str]:
    source, destination = number % SERVICES, (number * 7 + number // SERVICES + 1) % SERVICES
    sides: dict[str, str] = {}
    for side, service in (("source", source), ("destination", destination)):
        namespace = f"team-{service % 20}"
        sides |= {
            f"{side}_cluster": "Kubernetes",
            f"{side}_workload_namespace": namespace,
            f"{side}_workload": f"app-{service}-v1",
            f"{side}_canonical_service": f"app-{service}",
            f"{side}_canonical_revision": "v1",
            f"{side}_principal": f"spiffe://cluster.local/ns/{namespace}/sa/app-{service}",
        }
    namespace = sides["destination_workload_namespace"]
    return sides | {
        "destination_service": f"app-{destination}.{namespace}.svc.cluster.local",
        "destination_service_name": f"app-{destination}",
        "destination_service_namespace": namespace,
        "instance": f"10.244.{source // 250}.{source % 250}:15020",
        "job": "kubernetes-pods",
        "reporter": "source",
        "request_protocol": "http",
        "response_flags": "-",
        "connection_security_policy": "unknown",
    }


def _series(number: int) -> Iterator[Labels]:
    edge = _edge(number)
    for code in ("200", "404", "503"):
        labels = edge | {"__name__": "istio_requests_total", "response_code": code}
        yield tuple(sorted(labels.items()))
        for bound in (*map(str, BOUNDS), "+Inf"):
            bucket = labels | {"__name__": "istio_request_duration_milliseconds_bucket", "le": bound}
            yield tuple(sorted(bucket.items()))


def fill(store: Store) -> tuple[int, float]:
    """(series, median seconds of CPU for one append of one target)."""
    targets: dict[int, list[int]] = {}
    for number in range(EDGES):
        targets.setdefault(number % SERVICES, []).extend(map(store.reference, _series(number)))
    took = []
    random = np.random.default_rng(1)
    rows = np.arange(3 * (len(BOUNDS) + 2) * (EDGES // SERVICES))
    values = np.zeros(len(rows))
    for step in range(STEPS):
        # All buckets of a histogram grow together, the upper ones by more: each is at least the one below it.
        values += (rows % (len(BOUNDS) + 2)) * random.integers(1, 5)
        for target, references in targets.items():
            began = time.thread_time()
            store.append(BASE + step * STEP + target, references, values.tolist())
            took.append(time.thread_time() - began)
    return sum(map(len, targets.values())), statistics.median(took)


def _milliseconds(ask: Callable[[], object], times: int = 7) -> float:
    """CPU of the thread that answers, the least of some runs: whatever else the machine does only adds."""
    took = []
    for _ in range(times):
        began = time.thread_time()
        ask()
        took.append((time.thread_time() - began) * 1000)
    return min(took)


def figures() -> list[Figure]:
    end = BASE + STEPS * STEP
    with tempfile.TemporaryDirectory() as directory:
        gc.set_threshold(*GARBAGE)
        store = Store(Path(directory), 15 * 86_400_000)
        series, append = fill(store)

        def ask(query: str, minutes: int = 0, step: int = 15_000) -> Callable[[], object]:
            steps = np.arange(end - minutes * 60_000, end + 1, step, dtype=np.int64)
            return lambda: Evaluation(store, steps).value(parse(query))

        about = f"{SERVICES} services, {EDGES} edges, {series} series, {STEPS} samples each"
        one = P95.replace('reporter="source"', 'reporter="source",destination_service_name="app-7"')
        team = GRAPH.replace('reporter="source"', 'reporter="source",source_workload_namespace="team-3"')
        found = [
            Figure("graph of the whole mesh", _milliseconds(ask(GRAPH)), "ms", 200, f"Kiali's query, {about}"),
            Figure("graph of one namespace", _milliseconds(ask(team)), "ms", None, "the same for one of 20"),
            Figure("p95 of all edges", _milliseconds(ask(P95)), "ms", 500, "histogram_quantile over 90,000 buckets"),
            Figure("p95 of one service, 5 minutes", _milliseconds(ask(one, 5)), "ms", None, "21 steps"),
            Figure("mesh total, 5 minutes", _milliseconds(ask("sum(rate(istio_requests_total[60s]))", 5)), "ms", None,
                   "21 steps over 4,500 series"),
            Figure("storing one scrape", append * 1000, "ms", None, f"{series // SERVICES} series, committed to disk"),
            Figure("bytes on disk for a sample", _size(Path(directory)) / series / STEPS, "bytes", None,
                   "blocks with their labels, after 10 minutes"),
            Figure("memory of the whole process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", None,
                   "the most it ever had, queries included"),
        ]  # fmt: skip
        store.close()
    return found


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


def main() -> None:
    for figure in figures():
        print(f"{figure.what}: {figure.value:.3g} {figure.unit}{'' if figure.met else '   MISSED'}   ({figure.method})")


if __name__ == "__main__":
    main()
