"""DestinationRules of one namespace and host that say the same thing twice: the oldest one's is used. KIA0201."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.route_subsets import rule_bucket
from tejer.istiod.checks.hosts import bucket
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import DestinationRuleSpec
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec: DestinationRuleSpec = item.value.spec
    host = view.resolve(spec.host, item.namespace)
    rivals = [
        other
        for other in view.where(DESTINATIONRULES, rule_bucket, bucket(spec.host, item.namespace))
        if other.key != item.key
        and other.namespace == item.namespace
        and view.resolve(other.value.spec.host, other.namespace) == host
        and other.value.spec.workload_selector == spec.workload_selector
    ]
    for index, subset in enumerate(spec.subsets):
        also = [other.name for other in rivals if subset.name in {one.name for one in other.value.spec.subsets}]
        if also:
            text = f"The subset {subset.name} of {spec.host} is defined by {', '.join(also)} too: the oldest is used."
            yield found(item, "KIA0201", text, f"spec.subsets[{index}]")
    also = [other.name for other in rivals if other.value.spec.traffic_policy is not None]
    if spec.traffic_policy is not None and also:
        text = f"{spec.host} has a traffic policy by {', '.join(also)} too: only the oldest is used."
        yield found(item, "KIA0201", text, "spec.trafficPolicy")


ANALYZER = Analyzer("kiali.SameHostRulesAnalyzer", (DESTINATIONRULES,), (), analyze)
