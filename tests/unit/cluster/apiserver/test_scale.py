"""The scale subresource's view of an object."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.machinery.definition import builtin_definitions
from tejer.cluster.apiserver.scale import scale_of, with_scale
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

DEPLOYMENT = next(defn for defn in builtin_definitions() if defn.kind == "Deployment")
WEB: Body = {
    "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "5", "labels": {"x": "y"}},
    "spec": {
        "replicas": 3,
        "selector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["b", "a"]}],
        },
    },
    "status": {"replicas": 2},
}


def test_a_scale_has_replicas_and_the_selector_as_text() -> None:
    scale = scale_of(DEPLOYMENT, WEB)
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 2, "selector": "app=web,tier in (a,b)"}
    assert scale["metadata"] == {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "5"}


def test_writing_a_scale_changes_replicas_only() -> None:
    changed = with_scale(DEPLOYMENT, WEB, {"metadata": {"resourceVersion": "5"}, "spec": {"replicas": 9}})
    assert changed == {**WEB, "spec": {**WEB["spec"], "replicas": 9}}
    assert WEB["spec"]["replicas"] == 3


@pytest.mark.parametrize("replicas", [-1, "3", True, 1.5])
def test_replicas_must_be_a_count(replicas: object) -> None:
    with pytest.raises(ApiError) as refused:
        with_scale(DEPLOYMENT, WEB, {"spec": {"replicas": replicas}})
    assert refused.value.code == 422
