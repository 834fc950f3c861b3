from __future__ import annotations

from tejer.istiod.exposition import Counter, CounterOf, Gauge, Histogram, exposition


def lines(metric: Counter | Histogram) -> list[str]:
    return [line for line in metric.text() if not line.startswith("#")]


def test_counters_by_label() -> None:
    counter = Counter("hits", "Hits.", "type", "event")
    counter.add('a"b\\', "add")
    counter.add("c", "x\ny", by=2)
    assert list(counter.text()) == [
        "# HELP hits Hits.", "# TYPE hits counter",
        'hits{type="a\\"b\\\\",event="add"} 1', 'hits{type="c",event="x\\ny"} 2',
    ]  # fmt: skip
    assert lines(Counter("none", "None.")) == ["none 0"]


def test_gauges_are_set_or_asked() -> None:
    gauge = Gauge("level", "Level.")
    assert lines(gauge) == []
    gauge.set(1.5)
    assert lines(gauge) == ["level 1.5"]
    assert lines(Gauge("level", "Level.", read=lambda: 2)) == ["level 2"]
    assert lines(Gauge("level", "Level.", "of", read=lambda: {("a",): 1, ("b",): 2})) == [
        'level{of="a"} 1', 'level{of="b"} 2',
    ]  # fmt: skip
    assert "# TYPE used counter" in CounterOf("used", "Used.", read=lambda: 3).text()


def test_histograms_are_cumulative() -> None:
    histogram = Histogram("t", "T.", bounds=(0.1, 1))
    for value in (0.05, 0.1, 0.5, 7):
        histogram.observe(value)
    assert lines(histogram) == [
        't_bucket{le="0.1"} 2', 't_bucket{le="1"} 3', 't_bucket{le="+Inf"} 4', "t_sum 7.65", "t_count 4",
    ]  # fmt: skip
    assert lines(Histogram("t", "T.", bounds=(1,)))[-1] == "t_count 0"


def test_histograms_by_label() -> None:
    histogram = Histogram("t", "T.", "type", bounds=(1,))
    assert lines(histogram) == []
    histogram.observe(2, "cds")
    assert lines(histogram) == [
        't_bucket{type="cds",le="1"} 0', 't_bucket{type="cds",le="+Inf"} 1', 't_sum{type="cds"} 2',
        't_count{type="cds"} 1',
    ]  # fmt: skip


def test_a_page_is_in_order_of_names() -> None:
    assert exposition([Counter("b", "B."), Counter("a", "A.")]) == (
        "# HELP a A.\n# TYPE a counter\na 0\n# HELP b B.\n# TYPE b counter\nb 0\n"
    )
