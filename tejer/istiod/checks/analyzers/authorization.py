"""AuthorizationPolicies that select nothing, or name namespaces that do not exist. IST0101, 0127."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from tejer.istiod.checks.analyzers.injection import injected_namespaces, opted_out, proxy_of
from tejer.istiod.checks.world import Analyzer, Typed, World, found, selects
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_security import AuthorizationPolicy
from tejer.kube.problem import Problem
from tejer.kube.resource import name_of
from tejer.kube.types import AUTHORIZATIONPOLICIES, NAMESPACES, PODS

AMBIENT = "ambient.istio.io/redirection"


def analyze(world: World) -> Iterator[Problem]:
    injected = injected_namespaces(world)
    in_mesh = [pod for pod in world.typed(PODS, core.Pod) if _in_mesh(world, pod, injected)]
    names = [name_of(body) for body in world.of(NAMESPACES)]
    for item in world.typed(AUTHORIZATIONPOLICIES, AuthorizationPolicy):
        policy: AuthorizationPolicy = item.value
        if not policy.spec.target_ref and not policy.spec.target_refs:
            yield from _workloads(world, item, in_mesh)
        for index, rule in enumerate(policy.spec.rules):
            for position, source in enumerate(rule.from_):
                if source.source is None:
                    continue
                for field, values in (
                    ("namespaces", source.source.namespaces), ("notNamespaces", source.source.not_namespaces),
                ):  # fmt: skip
                    for place, value in enumerate(values):
                        if not any(fnmatch.fnmatchcase(name, value) for name in names):
                            yield found(
                                item.body, "IST0101", f'Referenced namespace not found: "{value}"',
                                f"spec.rules[{index}].from[{position}].source.{field}[{place}]",
                            )  # fmt: skip


def _in_mesh(world: World, pod: Typed, injected: set[str]) -> bool:
    if proxy_of(pod.value) is not None or (pod.namespace in injected and not opted_out(pod.value)):
        return True
    return pod.value.metadata.annotations.get(AMBIENT) == "enabled" or world.in_ambient(pod.namespace)


def _workloads(world: World, item: Typed, pods: list[Typed]) -> Iterator[Problem]:
    selector = item.value.spec.selector
    wanted = selector.match_labels if selector is not None else {}
    if item.namespace == world.mesh.root_namespace:
        if not wanted:
            return
        chosen = pods
    else:
        chosen = [pod for pod in pods if pod.namespace == item.namespace]
    if not any(selects(wanted, pod.value.metadata.labels) for pod in chosen):
        text = ",".join(f"{name}={value}" for name, value in sorted(wanted.items()))
        yield found(
            item.body, "IST0127",
            f"No matching workloads for this resource with the following labels: {text}", "spec.selector",
        )  # fmt: skip


ANALYZERS = (Analyzer("auth.AuthorizationPoliciesAnalyzer", (AUTHORIZATIONPOLICIES, NAMESPACES, PODS), analyze),)
