from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.record import FUTURE, Metadata, Recorder
from tests.unit.observe.metrics.memory import STALE, MemoryAppender

LABELS = (("instance", "10.0.0.1:80"), ("job", "pods"))
WHERE = 'instance="10.0.0.1:80",job="pods"'


def job(**settings: Any) -> ScrapeConfig:
    return msgspec.convert({"job_name": "pods", **settings}, ScrapeConfig, dec_hook=read_scalar)


def recorder(**settings: Any) -> tuple[Recorder, MemoryAppender]:
    store = MemoryAppender()
    return Recorder(LABELS, job(**settings), store), store


def test_series_get_the_targets_labels() -> None:
    one, store = recorder()
    counts = one.record('a{x="1"} 5\nb 6\n', 1000)
    assert store.at(1000) == {f'a{{{WHERE},x="1"}}': 5, f"b{{{WHERE}}}": 6}
    assert counts == (2, 2, 2)
    assert one.record('a{x="1"} 7\nb 6\n', 2000) == (2, 2, 0)
    assert store.at(2000)[f'a{{{WHERE},x="1"}}'] == 7


def test_labels_that_clash() -> None:
    one, store = recorder()
    one.record('a{job="mine",exported_instance="e",instance="i"} 1\n', 1000)
    assert list(store.at(1000)) == [
        'a{exported_exported_instance="i",exported_instance="e",exported_job="mine",instance="10.0.0.1:80",job="pods"}'
    ]
    honest, store = recorder(honor_labels=True)
    honest.record('a{job="mine"} 1\n', 1000)
    assert list(store.at(1000)) == ['a{instance="10.0.0.1:80",job="mine"}']


def test_a_series_that_vanishes_ends_and_may_come_back() -> None:
    one, store = recorder()
    one.record("a 1\nb 1\n", 1000)
    one.record("a 2\n", 2000)
    assert store.at(2000) == {f"a{{{WHERE}}}": 2, f"b{{{WHERE}}}": STALE}
    one.record("a 3\n", 3000)
    assert store.at(3000) == {f"a{{{WHERE}}}": 3}
    assert one.record("a 3\nb 4\n", 4000).added == 1
    assert store.at(4000)[f"b{{{WHERE}}}"] == 4


def test_a_failed_scrape_ends_all_series_but_the_report() -> None:
    one, store = recorder()
    counts = one.record("a 1\n", 1000)
    one.report(1000, up=True, seconds=0.25, counts=counts)
    one.lose(2000)
    one.report(2000, up=False, seconds=0.5, counts=counts._replace(scraped=0, stored=0, added=0))
    assert store.at(1000)[f"up{{{WHERE}}}"] == 1
    assert store.at(1000)[f"scrape_samples_scraped{{{WHERE}}}"] == 1
    assert store.at(2000)[f"a{{{WHERE}}}"] == STALE
    assert store.at(2000)[f"up{{{WHERE}}}"] == 0
    assert store.at(2000)[f"scrape_duration_seconds{{{WHERE}}}"] == 0.5
    one.end(3000)
    assert store.at(3000)[f"up{{{WHERE}}}"] == STALE and f"a{{{WHERE}}}" not in store.at(3000)


def test_a_refused_page_stores_nothing() -> None:
    one, store = recorder(label_limit=4)
    with pytest.raises(ValueError, match="5 labels; at most 4"):
        one.record('good 1\nbad{x="1",y="2"} 1\n', 1000)
    assert store.samples == []


@pytest.mark.parametrize(
    ("settings", "page", "said"),
    [
        ({"sample_limit": 2}, "a 1\nb 1\nc 1\n", "3 samples; at most 2"),
        ({"label_value_length_limit": 20}, f'a{{x="{"v" * 21}"}} 1\n', "label x has 21 letters; at most 20"),
        ({"label_name_length_limit": 10}, f'a{{{"n" * 11}="1"}} 1\n', "name has 11 letters; at most 10"),
        ({}, f'a{{x="{"v" * 20_000}"}} 1\n', "20000 letters; at most 16384"),
        ({}, "a{" + ",".join(f'l{i}="1"' for i in range(200)) + "} 1\n", "203 labels; at most 128"),
    ],
)
def test_limits(settings: dict[str, Any], page: str, said: str) -> None:
    one, store = recorder(**settings)
    with pytest.raises(ValueError, match=said):
        one.record(page, 1000)
    assert store.samples == []


def test_labels_that_never_repeat_are_stopped_and_the_target_recovers() -> None:
    one, store = recorder(sample_limit=10)
    pages = ["".join(f'a{{id="{minute}-{i}"}} 1\n' for i in range(10)) for minute in range(4)]
    one.record(pages[0], 60_000)
    one.lose(90_000)
    one.record(pages[0], 100_000)  # the same series again after a failure are no new ones
    one.record(pages[1], 120_000)
    with pytest.raises(ValueError, match="more than 20 different series within an hour"):
        one.record(pages[2], 180_000)
    assert not store.at(180_000)
    one.lose(180_000)
    one.record(pages[1], 240_000)
    one.record(pages[3], 60_000 + 3_700_000)


def test_metric_relabelling_drops_and_renames() -> None:
    one, store = recorder(
        metric_relabel_configs=[
            {"source_labels": ["__name__"], "regex": "noise.*", "action": "drop"},
            {"regex": "pod", "action": "labeldrop"},
            {"source_labels": ["__name__"], "regex": "old_(.*)", "target_label": "__name__", "replacement": "new_$1"},
        ],
        sample_limit=2,
    )
    for time in (1000, 2000):
        assert one.record('noise_a 1\nold_b{pod="p"} 2\nc 3\n', time)[:2] == (3, 2)
        assert store.at(time) == {f"new_b{{{WHERE}}}": 2, f"c{{{WHERE}}}": 3}


def test_the_first_of_two_samples_of_one_series_counts() -> None:
    one, store = recorder()
    one.record("a 1\na 2\n", 1000)
    one.record("a 3\na 4\n", 2000)
    assert store.at(1000) == {f"a{{{WHERE}}}": 1} and store.at(2000) == {f"a{{{WHERE}}}": 3}


def test_a_targets_own_clock() -> None:
    one, store = recorder()
    one.record(f"a 1 500\nb 2\nfar 3 {1000 + FUTURE + 1}\n", 1000)
    assert store.samples == [(1000, f"b{{{WHERE}}}", 2), (500, f"a{{{WHERE}}}", 1)]
    one.record("b 2\n", 2000)  # series with their own times get no stale marker
    assert store.at(2000) == {f"b{{{WHERE}}}": 2}
    ours, store = recorder(honor_timestamps=False)
    ours.record("a 1 500\n", 1000)
    assert store.at(1000) == {f"a{{{WHERE}}}": 1}


def test_metadata() -> None:
    one, _ = recorder()
    one.record("# HELP a What it is\n# TYPE a counter\n# UNIT a seconds\na 1\n", 1000)
    assert one.metadata == {"a": Metadata("counter", "What it is", "seconds")}
    one.record("# TYPE a gauge\na 1\n", 2000)
    assert one.metadata["a"].type == "gauge"


def test_what_is_remembered_of_a_target_is_bounded() -> None:
    one, _ = recorder()
    for round_number in range(20):
        page = "".join(f'a{{x="{round_number}-{i}"}} 1\n' for i in range(500))
        one.record(page, 1000 * (round_number + 1))
    assert len(one._references) == 500


def test_series_pass_to_the_same_target_under_other_settings() -> None:
    old, store = recorder()
    old.record("a 1\nb 1\n", 1000)
    new = Recorder(LABELS, job(), store)
    new.succeed(old)
    new.record("a 2\n", 2000)
    assert store.at(2000) == {f"a{{{WHERE}}}": 2, f"b{{{WHERE}}}": STALE}
