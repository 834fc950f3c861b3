"""The pods behind a Gateway. Shared by its analyzers."""

from __future__ import annotations

from tejer.istiod.checks.analyzer import found, label_text
from tejer.istiod.checks.objects import Item
from tejer.kube.problem import Problem

DEFAULT_SELECTOR = {"istio": "ingressgateway"}
"""The gateway that every installation has: its pods may be missing among files."""


def no_workload(item: Item) -> Problem:
    text = f'Referenced selector not found: "{label_text(item.value.spec.selector)}"'
    return found(item, "IST0101", text, "spec.selector")
