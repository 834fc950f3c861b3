"""Selectors as kubectl and LabelSelector objects write them."""

from __future__ import annotations

import pytest

from tejer.kube.selectors import label_selector, parse_field_selector, parse_label_selector


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "db"}, False),
        ("app!=web", {}, True),
        ("app!=web", {"app": "web"}, False),
        ("app=", {"app": ""}, True),
        ("tier in (a, b),!canary", {"tier": "b"}, True),
        ("tier in (a,b),!canary", {"tier": "b", "canary": "1"}, False),
        ("tier notin (a)", {}, True),
        ("example.com/x", {"example.com/x": "1"}, True),
        ("n>3", {"n": "4"}, True),
        ("n<3", {"n": "4"}, False),
    ],
)
def test_label_selectors_of_queries(text: str, labels: dict[str, str], expected: bool) -> None:
    assert parse_label_selector(text).matches(labels) is expected


@pytest.mark.parametrize("text", ["a=b=c", "in (a)", "a in b", "=x", "a,,b"])
def test_a_malformed_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unable to parse"):
        parse_label_selector(text)


def test_label_selector_objects() -> None:
    selector = label_selector(
        {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "v", "operator": "NotIn", "values": ["1"]}]}
    )
    assert selector.matches({"app": "web", "v": "2"})
    assert not selector.matches({"app": "web", "v": "1"})
    assert label_selector(None).matches(None)
    with pytest.raises(ValueError, match="operator"):
        label_selector({"matchExpressions": [{"key": "v", "operator": "Like"}]})


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"hostNetwork": True}, "status": {"phase": "Running"}}
    assert parse_field_selector("metadata.name=a,status.phase!=Failed").matches_body(pod)
    assert parse_field_selector("spec.hostNetwork=true").matches_body(pod)
    assert not parse_field_selector("spec.nodeName!=").matches_body(pod)
    assert parse_field_selector("metadata.name=a").value_of("metadata.name") == "a"
    with pytest.raises(ValueError, match="invalid field selector"):
        parse_field_selector("nonsense")
