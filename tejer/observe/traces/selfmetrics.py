"""The server's own metrics, as Prometheus's text. Pure but for the process's own figures."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tejer.kube.version import VERSION

_PAGE = resource.getpagesize()


def text(taken: Mapping[tuple[str, str, str], int], forwarded: Mapping[str, int], gauges: Mapping[str, float]) -> str:
    """`taken` by (door, what, outcome), `forwarded` by outcome."""
    records = [
        ({"door": door, "kind": what, "outcome": outcome}, count) for (door, what, outcome), count in taken.items()
    ]
    passed = [({"outcome": outcome}, count) for outcome, count in forwarded.items()]
    lines = [
        *_family("tejer_jaeger_build_info", "gauge", [({"version": VERSION}, 1)]),
        *_family("tejer_jaeger_received_total", "counter", records),
        *_family("tejer_jaeger_forwarded_spans_total", "counter", passed),
        *(line for name, value in gauges.items() for line in _family(f"tejer_jaeger_{name}", "gauge", [({}, value)])),
        *_family("process_resident_memory_bytes", "gauge", [({}, _resident())]),
        *_family("process_cpu_seconds_total", "counter", [({}, time.process_time())]),
    ]
    return "".join(lines)


def _family(name: str, kind: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{label}"' for key, label in labels.items())  # names of ours: nothing to escape
        yield f"{name}{{{inside}}} {value:.17g}\n" if inside else f"{name} {value:.17g}\n"


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
