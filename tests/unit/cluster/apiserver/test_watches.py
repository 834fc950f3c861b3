"""What a watcher with a selection sees of one event."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.machinery.definition import builtin_definitions
from tejer.cluster.apiserver.selection import Selection
from tejer.cluster.apiserver.watches import select
from tejer.cluster.store.log import Event
from tejer.kube.resource import Body, Key
from tejer.kube.selectors import parse_label_selector

CONFIGMAP = next(defn for defn in builtin_definitions() if defn.kind == "ConfigMap")
KEY = Key("", "configmaps", "default", "a")
SELECTED = Selection(parse_label_selector("on=yes"))


def body(on: str, revision: int) -> Body:
    return {"metadata": {"name": "a", "labels": {"on": on}, "resourceVersion": str(revision)}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, "yes", "ADDED"),
        (None, "no", None),
        ("yes", "yes", "MODIFIED"),
        ("no", "yes", "ADDED"),
        ("yes", "no", "DELETED"),
        ("no", "no", None),
        ("yes", None, "DELETED"),
        ("no", None, None),
    ],
)
def test_select(old: str | None, new: str | None, expected: str | None) -> None:
    event = Event(7, KEY, body(old, 3) if old else None, body(new, 7) if new else None)
    seen = select(event, CONFIGMAP, SELECTED)
    assert (seen.type if seen else None) == expected
    if seen:
        assert seen.object["metadata"]["resourceVersion"] == "7"
        assert (seen.object["kind"], seen.object["apiVersion"]) == ("ConfigMap", "v1")
