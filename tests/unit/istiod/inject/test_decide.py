"""Istio's table of who gets a sidecar."""

from __future__ import annotations

import pytest

from tejer.istiod.inject.config import InjectConfig
from tejer.istiod.inject.decide import decide, selected_by_webhook

LABEL = "sidecar.istio.io/inject"


def pod(
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **spec: object
) -> dict[str, object]:
    return {"metadata": {"labels": labels or {}, "annotations": annotations or {}}, "spec": spec}


@pytest.mark.parametrize(
    ("namespace", "labels", "revision", "expected"),
    [
        ({"istio-injection": "enabled"}, {}, "default", True),
        ({"istio-injection": "enabled"}, {LABEL: "false"}, "default", False),
        ({"istio-injection": "enabled"}, {}, "canary", False),
        ({"istio-injection": "disabled"}, {LABEL: "true"}, "default", False),
        ({"istio.io/rev": "canary"}, {}, "canary", True),
        ({"istio.io/rev": "canary"}, {}, "default", False),
        ({"istio.io/rev": "canary", "istio-injection": "enabled"}, {}, "canary", False),
        ({}, {"istio.io/rev": "canary"}, "canary", True),
        ({}, {LABEL: "true"}, "default", True),
        ({}, {LABEL: "true", "istio.io/rev": "canary"}, "default", False),
        ({}, {}, "default", False),
    ],
)  # fmt: skip
def test_selectors_of_the_webhook(
    namespace: dict[str, str], labels: dict[str, str], revision: str, expected: bool
) -> None:
    assert selected_by_webhook(namespace, labels, revision).inject is expected


@pytest.mark.parametrize(
    ("labels", "annotations", "policy", "expected"),
    [
        ({}, {}, "enabled", True),
        ({}, {}, "disabled", False),
        ({LABEL: "true"}, {}, "disabled", True),
        ({LABEL: "false"}, {}, "enabled", False),
        ({}, {LABEL: "false"}, "enabled", False),
        ({LABEL: "true"}, {LABEL: "false"}, "enabled", True),
        ({LABEL: "nonsense"}, {}, "enabled", False),
    ],
)
def test_label_annotation_and_policy(
    labels: dict[str, str], annotations: dict[str, str], policy: str, expected: bool
) -> None:
    assert decide(pod(labels, annotations), "shop", InjectConfig(policy=policy)).inject is expected


def test_host_network_and_system_namespaces_never_get_one() -> None:
    config = InjectConfig()
    assert not decide(pod({LABEL: "true"}, hostNetwork=True), "shop", config).inject
    assert "kube-system" in decide(pod({LABEL: "true"}), "kube-system", config).why


def test_never_beats_always_and_an_explicit_wish_beats_both() -> None:
    selector = {"matchLabels": {"job": "batch"}}
    both = InjectConfig(never_inject=(selector,), always_inject=(selector,), policy="disabled")
    assert not decide(pod({"job": "batch"}), "shop", both).inject
    assert decide(pod({"job": "batch", LABEL: "true"}), "shop", both).inject
    assert decide(pod({"job": "batch"}), "shop", InjectConfig(always_inject=(selector,), policy="disabled")).inject


def test_namespace_labels_count_when_given() -> None:
    assert not decide(pod(), "shop", InjectConfig(), {}).inject
    assert decide(pod(), "shop", InjectConfig(), {"istio-injection": "enabled"}).inject
