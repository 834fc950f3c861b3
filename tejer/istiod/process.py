"""What a program tells of itself under the names that Prometheus's client libraries share (`process_*`, `python_*`).

There is no `go_*`: istiod is not a Go program, and a made-up value would be read as a real one.
Source: prometheus.io "Writing client libraries", Process metrics.
"""

from __future__ import annotations

import gc
import platform
import resource
import sys
import time
from pathlib import Path

from tejer.istiod.exposition import CounterOf, Gauge, Metric, Values


def process_metrics() -> list[Metric]:
    """Of the process that asks; it counts as started now."""
    started = time.time()
    return [
        Gauge(
            "process_start_time_seconds", "Start time of the process since unix epoch in seconds.", read=lambda: started
        ),
        CounterOf("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", read=_cpu),
        Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", read=_resident),
        Gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", read=lambda: _pages(0)),
        Gauge("process_open_fds", "Number of open file descriptors.", read=_open_files),
        Gauge("process_max_fds", "Maximum number of open file descriptors.", read=_most_files),
        Gauge("python_info", "Python platform information.", "implementation", "version", read=_python),
        CounterOf(
            "python_gc_collections_total", "Number of times this generation was collected.", "generation",
            read=lambda: _collector("collections"),
        ),
        CounterOf(
            "python_gc_objects_collected_total", "Objects collected during gc.", "generation",
            read=lambda: _collector("collected"),
        ),
    ]  # fmt: skip


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _pages(column: int) -> float:
    """A column of /proc/self/statm in bytes; 0 where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[column]) * resource.getpagesize()
    except OSError:
        return 0


def _resident() -> float:
    """The peak where /proc isn't there."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _pages(1) or (peak if sys.platform == "darwin" else peak * 1024)


def _open_files() -> float:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # the one that lists
    except OSError:
        return 0


def _most_files() -> float:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _python() -> Values:
    return {(platform.python_implementation(), platform.python_version()): 1}


def _collector(counted: str) -> Values:
    return {(str(generation),): stats[counted] for generation, stats in enumerate(gc.get_stats())}
