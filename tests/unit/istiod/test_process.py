from __future__ import annotations

import os
import time

from tejer.istiod.exposition import exposition
from tejer.istiod.process import process_metrics


def test_the_kernels_word_for_this_process() -> None:
    before = time.time()
    page = exposition(process_metrics())
    shown = {name: float(value) for name, value in
             (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))}  # fmt: skip
    assert before <= shown["process_start_time_seconds"] <= time.time()
    assert 1 << 20 < shown["process_resident_memory_bytes"] < shown["process_virtual_memory_bytes"]
    assert shown["process_cpu_seconds_total"] > 0
    assert 'python_gc_collections_total{generation="2"}' in shown


def test_open_files_are_counted() -> None:
    def opened() -> int:
        (gauge,) = (m for m in process_metrics() if m.name == "process_open_fds")
        return int(list(gauge.text())[-1].split()[1])

    before = opened()
    descriptors = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
    try:
        assert opened() == before + 3
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
