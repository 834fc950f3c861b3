from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.target import Target, discovered_labels, make_target


def job(**fields: Any) -> ScrapeConfig:
    defaults = {"job_name": "j", "scrape_interval": "15s", "scrape_timeout": "10s"}
    return msgspec.convert({**defaults, **fields}, ScrapeConfig, dec_hook=read_scalar)


def target(labels: dict[str, str], **fields: Any) -> Target | None:
    config = job(**fields)
    return make_target(discovered_labels(labels, {}, config), config)


def test_what_a_static_target_becomes() -> None:
    made = target({"__address__": "h:80", "zone": "a"}, params={"module": ["http"], "x": ["1", "2"]})
    assert made == Target(
        (("instance", "h:80"), ("job", "j"), ("zone", "a")), "http://h:80/metrics?module=http&x=1&x=2", 15_000, 10_000
    )


def test_labels_of_the_target_win_over_its_groups_and_the_jobs() -> None:
    config = job()
    labels = discovered_labels({"__address__": "h:80", "a": "own"}, {"a": "group", "b": "group", "job": "mine"}, config)
    made = make_target(labels, config)
    assert made is not None
    assert dict(made.labels) == {"a": "own", "b": "group", "instance": "h:80", "job": "mine"}


def test_relabelling_decides_address_path_scheme_and_parameters() -> None:
    steps = [
        {"target_label": "__metrics_path__", "replacement": "/stats/prometheus?usedonly"},
        {"target_label": "__scheme__", "replacement": "https"},
        {"target_label": "__address__", "replacement": "[::1]:15020"},
        {"target_label": "__param_target", "replacement": "a b"},
        {"target_label": "__scrape_interval__", "replacement": "1m"},
        {"target_label": "instance", "replacement": "named"},
    ]
    made = target({"__address__": "h", "__meta_x": "y"}, relabel_configs=steps)
    assert made == Target(
        (("instance", "named"), ("job", "j")),
        "https://[::1]:15020/stats/prometheus?usedonly&target=a+b",
        60_000,
        10_000,
    )


def test_dropped_targets_and_bad_ones() -> None:
    assert target({"__address__": "h"}, relabel_configs=[{"action": "drop", "source_labels": ["__address__"]}]) is None
    for labels, said in (
        ({}, "'' is not an address"),
        ({"__address__": "h/../admin"}, "is not an address"),
        ({"__address__": "h h"}, "is not an address"),
        ({"__address__": "user@h:80"}, "is not an address"),
        ({"__address__": "h:80?x"}, "is not an address"),
        ({"__address__": "h", "__scheme__": "file"}, "neither http nor https"),
        ({"__address__": "h", "__scrape_timeout__": "20s"}, "is longer than"),
        ({"__address__": "h", "__scrape_interval__": "0"}, "not above 0"),
        ({"__address__": "h", "bad-name": "x"}, "'bad-name' is not a label's name"),
    ):
        with pytest.raises(ValueError, match=said):
            target(dict(labels))


def test_offsets_spread_targets_over_the_interval_and_stay() -> None:
    made = [target({"__address__": f"10.0.0.{i}:80"}) for i in range(100)]
    offsets = [one.offset for one in made if one is not None]
    assert all(0 <= offset < 15_000 for offset in offsets)
    assert len({offset // 1500 for offset in offsets}) == 10
    again = target({"__address__": "10.0.0.0:80"})
    assert again is not None and again.offset == offsets[0]
