from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tejer.observe.metrics.config import RelabelConfig
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.relabel import relabel


def step(**fields: Any) -> RelabelConfig:
    return msgspec.convert(fields, RelabelConfig, dec_hook=read_scalar)


# Cases and results as in prometheus/model/relabel/relabel_test.go.
@pytest.mark.parametrize(
    ("labels", "steps", "result"),
    [
        (
            {"a": "foo", "b": "bar", "c": "baz"},
            [step(source_labels=["a"], regex="f(.*)", target_label="d", separator=";", replacement="ch${1}-ch${1}")],
            {"a": "foo", "b": "bar", "c": "baz", "d": "choo-choo"},
        ),
        (
            {"a": "foo", "b": "bar", "c": "baz"},
            [
                step(source_labels=["a", "b"], regex="f(.*);(.*)r", target_label="a", replacement="b${1}${2}m"),
                step(source_labels=["c", "a"], regex="(b).*b(.*)ba(.*)", target_label="d", replacement="$1$2$2$3"),
            ],
            {"a": "boobam", "b": "bar", "c": "baz", "d": "boooom"},
        ),
        ({"a": "foo"}, [step(source_labels=["a"], regex=".*o.*", action="drop")], None),
        ({"a": "foo"}, [step(source_labels=["a"], regex="no-match", action="drop")], {"a": "foo"}),
        ({"a": "foo"}, [step(source_labels=["a"], regex="no-match", action="keep")], None),
        ({"a": "foo"}, [step(source_labels=["a"], regex="f.*", action="keep")], {"a": "foo"}),
        ({"a": "foo"}, [step(source_labels=["a"], target_label="a", regex="f", replacement="x")], {"a": "foo"}),
        ({"a": "foo"}, [step(source_labels=["a"], target_label="a", replacement="")], {}),
        ({"c": "baz"}, [step(source_labels=["c"], target_label="d", action="hashmod", modulus=1000)],
         {"c": "baz", "d": "976"}),
        ({"a": "foo\nbar"}, [step(source_labels=["a"], target_label="b", action="hashmod", modulus=1000)],
         {"a": "foo\nbar", "b": "734"}),
        (
            {"a": "foo", "b1": "bar", "b2": "baz"},
            [step(regex="(b.*)", action="labelmap", replacement="bar_${1}")],
            {"a": "foo", "b1": "bar", "b2": "baz", "bar_b1": "bar", "bar_b2": "baz"},
        ),
        (
            {"a": "foo", "__meta_my_bar": "aaa", "__meta_my_baz": "bbb"},
            [step(regex="__meta_(my.*)", action="labelmap")],
            {"a": "foo", "__meta_my_bar": "aaa", "__meta_my_baz": "bbb", "my_bar": "aaa", "my_baz": "bbb"},
        ),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [step(regex="(b.*)", action="labeldrop")], {"a": "foo"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [step(regex="(b.*)", action="labelkeep")],
         {"b1": "bar", "b2": "baz"}),
        (
            {"foo": "bAr123Foo"},
            [
                step(source_labels=["foo"], action="uppercase", target_label="up"),
                step(source_labels=["foo"], action="lowercase", target_label="low"),
            ],
            {"foo": "bAr123Foo", "up": "BAR123FOO", "low": "bar123foo"},
        ),
        ({"port": "80", "want": "80"}, [step(source_labels=["port"], target_label="want", action="keepequal")],
         {"port": "80", "want": "80"}),
        ({"port": "80", "want": "81"}, [step(source_labels=["port"], target_label="want", action="keepequal")], None),
        ({"port": "80", "want": "80"}, [step(source_labels=["port"], target_label="want", action="dropequal")], None),
        # A target label that is no label's name after expansion changes nothing.
        ({"a": "some-name"}, [step(source_labels=["a"], regex="some-([^-]+)", target_label="${3}")],
         {"a": "some-name"}),
        ({"a": "some-name-value"},
         [step(source_labels=["a"], regex="some-([^-]+)-([^,]+)", target_label="${1}", replacement="${2}")],
         {"a": "some-name-value", "name": "value"}),
        ({"a": "x"}, [step(source_labels=["a"], target_label="b", replacement="$$1 costs $1x ${1}")],
         {"a": "x", "b": "$1 costs  x"}),
    ],
)  # fmt: skip
def test_steps(labels: dict[str, str], steps: list[RelabelConfig], result: dict[str, str] | None) -> None:
    before = dict(labels)
    assert relabel(labels, steps) == result
    assert labels == before, "the labels given are not changed"
