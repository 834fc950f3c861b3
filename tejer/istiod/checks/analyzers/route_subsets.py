"""Subsets that routes name and no DestinationRule defines: requests for them are answered 503. IST0101."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.targets import targets
from tejer.istiod.checks.hosts import bucket
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES, VIRTUALSERVICES


def rule_bucket(item: Item) -> tuple[str, ...]:
    """Where a DestinationRule is filed by its host."""
    return (bucket(item.value.spec.host, item.namespace),) if item.value is not None else ()


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for target in targets(item.value):
        host, subset = target.destination.host, target.destination.subset
        if not subset:
            continue
        wanted = view.resolve(host, item.namespace)
        known = [
            name.name
            for rule in view.where(DESTINATIONRULES, rule_bucket, bucket(host, item.namespace))
            if view.resolve(rule.value.spec.host, rule.namespace) == wanted
            for name in rule.value.spec.subsets
        ]
        if subset not in known:
            yield found(
                item, "IST0101", f'Referenced host+subset in destinationrule not found: "{host}+{subset}"',
                f"{target.path}.subset",
                f"subsets of this host: {', '.join(known)}" if known else "no DestinationRule of this host has subsets",
            )  # fmt: skip


ANALYZER = Analyzer("virtualservice.DestinationRuleAnalyzer", (VIRTUALSERVICES,), (DESTINATIONRULES,), analyze)
