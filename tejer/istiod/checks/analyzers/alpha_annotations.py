"""Annotations that may change: to be looked at before an upgrade. IST0136.

Source: Istio's pkg/config/analysis/analyzers/maturity.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.annotation_table import ANNOTATIONS, MATURE
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import DEPLOYMENTS, NAMESPACES, PODS, SERVICES

STATUS = "sidecar.istio.io/status"
WRITTEN = ("istio.io/rev", "sidecar.istio.io/interceptionMode", "traffic.sidecar.istio.io/")
"""What injection writes, so that it is nobody's choice on an injected pod."""


def analyze(item: Item, _: View) -> Iterator[Problem]:
    injected = STATUS in item.annotations
    for name in item.annotations:
        if name not in ANNOTATIONS or name in MATURE or name == STATUS or (injected and name.startswith(WRITTEN)):
            continue
        text = f"Annotation {name!r} is part of an alpha-phase feature and may be incompletely supported."
        yield found(item, "IST0136", text, f'metadata.annotations["{name}"]')


ANALYZER = Analyzer("annotations.AlphaAnalyzer", (NAMESPACES, SERVICES, PODS, DEPLOYMENTS), (), analyze, raw=True)
