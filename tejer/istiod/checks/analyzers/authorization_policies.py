"""AuthorizationPolicies that select nothing, or name namespaces that do not exist. IST0101, 0127."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, label_text
from tejer.istiod.checks.analyzers.injected import in_mesh
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_security import AuthorizationPolicy
from tejer.kube.problem import Problem
from tejer.kube.types import AUTHORIZATIONPOLICIES, NAMESPACES, PODS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    policy: AuthorizationPolicy = item.value
    if not policy.spec.target_ref and not policy.spec.target_refs:
        yield from _workloads(item, view)
    for index, rule in enumerate(policy.spec.rules):
        for position, source in enumerate(rule.from_):
            if source.source is None:
                continue
            for field, values in (
                ("namespaces", source.source.namespaces), ("notNamespaces", source.source.not_namespaces),
            ):  # fmt: skip
                for place, value in enumerate(values):
                    if not _namespace_exists(value, view):
                        yield found(
                            item, "IST0101", f'Referenced namespace not found: "{value}"',
                            f"spec.rules[{index}].from[{position}].source.{field}[{place}]",
                        )  # fmt: skip


def _namespace_exists(pattern: str, view: View) -> bool:
    if "*" not in pattern:
        return view.get(NAMESPACES, "", pattern) is not None
    return any(fnmatch.fnmatchcase(namespace.name, pattern) for namespace in view.all(NAMESPACES))


def _workloads(item: Item, view: View) -> Iterator[Problem]:
    selector = item.value.spec.selector
    wanted = selector.match_labels if selector is not None else {}
    in_root = item.namespace == (view.mesh.root_namespace or view.settings.istio_namespace)
    if in_root and not wanted:
        return
    if not any(in_mesh(pod, view) for pod in view.pods(wanted, "" if in_root else item.namespace)):
        yield found(
            item, "IST0127",
            f"No matching workloads for this resource with the following labels: {label_text(wanted)}",
            "spec.selector",
        )  # fmt: skip


ANALYZER = Analyzer("auth.AuthorizationPoliciesAnalyzer", (AUTHORIZATIONPOLICIES,), (NAMESPACES, PODS), analyze)
