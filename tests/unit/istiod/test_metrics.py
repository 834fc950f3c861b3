from __future__ import annotations

from tejer.istiod.metrics import Counter, Gauge, Histogram, Metrics


def test_exposition() -> None:
    counter = Counter("hits", "Hits.", "type")
    counter.add(label='a"b\\')
    counter.add(2, label="c")
    assert list(counter.text()) == [
        "# HELP hits Hits.", "# TYPE hits counter", 'hits{type="a\\"b\\\\"} 1', 'hits{type="c"} 2',
    ]  # fmt: skip
    assert list(Gauge("level", "Level.", lambda: 1.5).text())[-1] == "level 1.5"


def test_histograms_are_cumulative() -> None:
    histogram = Histogram("t", "T.", (0.1, 1))
    for value in (0.05, 0.1, 0.5, 7):
        histogram.observe(value)
    assert list(histogram.text())[2:] == [
        't_bucket{le="0.1"} 2', 't_bucket{le="1"} 3', 't_bucket{le="+Inf"} 4', "t_sum 7.65", "t_count 4",
    ]  # fmt: skip


def test_istios_names_are_there_once() -> None:
    text = Metrics().text()
    for name in ("pilot_xds", "pilot_xds_pushes", "pilot_proxy_convergence_time", "citadel_server_csr_count"):
        assert text.count(f"# TYPE {name} ") == 1
    assert text.endswith("\n") and "istiod_uptime_seconds" in text and "process_resident_memory_bytes" in text
