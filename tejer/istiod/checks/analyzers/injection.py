"""Namespaces that are not injected, and pods that lack their sidecar. IST0102, 0103, 0123, 0148."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.injected import (
    DATAPLANE_LABEL,
    INJECTION_LABEL,
    REVISION_LABEL,
    injected_by_default,
    is_injected,
    is_system,
    opted_out,
    proxy_of,
)
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import core
from tejer.kube.problem import Problem
from tejer.kube.types import NAMESPACES, PODS

DONE = ("Succeeded", "Failed")


def analyze(item: Item, view: View) -> Iterator[Problem]:
    if item.rtype is PODS:
        yield from _pod(item, view)
    elif not is_system(item.name, view):
        yield from _namespace(item, view)


def _pod(item: Item, view: View) -> Iterator[Problem]:
    pod: core.Pod = item.value
    if opted_out(pod) or pod.status.phase in DONE or pod.spec.host_network or proxy_of(pod) is not None:
        return
    if is_injected(item.namespace, view):
        yield found(
            item, "IST0103",
            f"The pod {item.place} is missing the Istio proxy. This can often be resolved by restarting or "
            "redeploying the workload.",
            hint=f"kubectl rollout restart deployment -n {item.namespace}",
        )  # fmt: skip


def _namespace(item: Item, view: View) -> Iterator[Problem]:
    labels, name = item.labels, item.name
    label = labels.get(INJECTION_LABEL, "")
    if label == "disabled":
        return
    chosen = [f"{key}={labels[key]}" for key in (INJECTION_LABEL, REVISION_LABEL) if key in labels]
    if labels.get(DATAPLANE_LABEL) == "ambient":
        chosen.append(f"{DATAPLANE_LABEL}=ambient")
    if len(chosen) > 1:
        yield found(item, "IST0123", f"The namespace has more than one type of injection label: {', '.join(chosen)}.",
                    "metadata.labels")  # fmt: skip
    elif REVISION_LABEL not in labels and not label and labels.get(DATAPLANE_LABEL) != "ambient":
        if injected_by_default(view):
            yield found(item, "IST0148", f"The namespace {name} is injected, as every namespace without a label is.")
        else:
            yield found(
                item, "IST0102",
                f"The namespace is not enabled for Istio injection. Run 'kubectl label namespace {name} "
                f"istio-injection=enabled' to enable it, or 'kubectl label namespace {name} "
                "istio-injection=disabled' to explicitly mark it as not needing injection.",
            )  # fmt: skip


ANALYZER = Analyzer("injection.Analyzer", (NAMESPACES, PODS), (), analyze)
