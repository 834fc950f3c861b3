"""Bytes of strangers are bounded before anything walks them."""

from __future__ import annotations

import json

import pytest

from tejer.observe.dashboards.reading.document import MAX_BYTES, MAX_DEPTH, DashboardError, parse


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "want a JSON object"),
        (b'{"title": "\xff"}', "not"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested more than"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested more than"),
        (b'{"panels":[' + b"0," * 250_000 + b"0]}", "more than 200,000 values"),
        (b" " * (MAX_BYTES + 1), "more than a dashboard may have"),
    ],
)
def test_hostile_bytes_are_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(DashboardError, match=said):
        parse(data)


def test_the_envelopes_of_grafanas_api_are_taken_off() -> None:
    inner = {"title": "x", "panels": []}
    assert parse(json.dumps({"dashboard": inner, "meta": {}}).encode()) == inner
    kubernetes = {"apiVersion": "dashboard.grafana.app/v1beta1", "metadata": {"name": "u1"}, "spec": inner}
    assert parse(json.dumps(kubernetes).encode()) == {"uid": "u1", **inner}


def test_schema_v2_is_named_with_what_to_do() -> None:
    body = {"apiVersion": "dashboard.grafana.app/v2alpha1", "spec": {"elements": {}}}
    with pytest.raises(DashboardError, match=r"schema v2.*Classic"):
        parse(json.dumps(body).encode())
