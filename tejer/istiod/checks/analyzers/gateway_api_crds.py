"""Gateway API CRDs that are older than what is read. IST0176."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS

GATEWAY_API = "gateway.networking.k8s.io"
MINIMUM_BUNDLE = {"tlsroutes": (1, 5, 0)}
"""Where a Gateway API kind changed, the oldest bundle whose CRD is read."""
BUNDLE = "gateway.networking.k8s.io/bundle-version"


def analyze(item: Item, _: View) -> Iterator[Problem]:
    plural, group = item.name.split(".", 1) if "." in item.name else (item.name, "")
    minimum = MINIMUM_BUNDLE.get(plural)
    if group != GATEWAY_API or minimum is None:
        return
    text = str(item.annotations.get(BUNDLE, ""))
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text)
    if match and tuple(int(part) for part in match.groups()) < minimum:
        yield found(
            item, "IST0176",
            f"The Gateway API CRD {item.name} has version {text}, below the minimum v"
            f"{'.'.join(map(str, minimum))}: resources of this kind are not read.",
        )  # fmt: skip


ANALYZER = Analyzer("k8sgateway.CRDVersionAnalyzer", (CUSTOMRESOURCEDEFINITIONS,), (), analyze)
