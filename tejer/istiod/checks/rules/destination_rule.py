"""DestinationRule. Source: Istio's pkg/config/validation/validation.go, ValidateDestinationRule."""

from __future__ import annotations

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_export_to, check_policy_selector, namespace_of
from tejer.istiod.checks.rules.traffic_policy import check_traffic_policy
from tejer.kube.kinds.istio.destination_rule import DestinationRule
from tejer.kube.resource import Body


def check_destination_rule(value: DestinationRule, _: Body, report: Report) -> None:
    spec = value.spec
    add(report, texts.wildcard_problem(spec.host), "host")
    check_traffic_policy(spec.traffic_policy, report.at("trafficPolicy"))
    seen: set[str] = set()
    for index, subset in enumerate(spec.subsets):
        inner = report.at("subsets", index)
        add(inner, texts.label_problem(subset.name), "name")
        if subset.name in seen:
            inner.error(f"subset {subset.name!r} is defined twice", "name")
        seen.add(subset.name)
        add(inner, texts.labels_problem(subset.labels), "labels")
        check_traffic_policy(subset.traffic_policy, inner.at("trafficPolicy"))
    check_policy_selector(spec.workload_selector, report.at("workloadSelector"))
    check_export_to(
        spec.export_to, namespace_of(value.metadata), report.at("exportTo"),
        with_selector=spec.workload_selector is not None,
    )  # fmt: skip
