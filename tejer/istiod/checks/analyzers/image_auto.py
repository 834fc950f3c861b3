"""`image: auto` where nothing fills it in. IST0146, 0147."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.injected import INJECT, INJECTION_LABEL
from tejer.istiod.checks.analyzers.webhooks import injectors, takes
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import core
from tejer.kube.problem import Problem
from tejer.kube.types import DEPLOYMENTS, MUTATINGWEBHOOKS, NAMESPACES, PODS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    if item.rtype is PODS:
        if _has_auto(item.value.spec):
            yield found(item, "IST0147", f"Pod {item.name} has `image: auto` but was not injected.")
        return
    template = item.value.spec.template
    if template is None or not _has_auto(template.spec):
        return
    labels = view.namespace_labels(item.namespace)
    hooks = [hook for injector in injectors(view) for hook in injector.body.get("webhooks") or ()]
    if not any(takes(hook, labels, template.metadata.labels) for hook in hooks):
        yield found(
            item, "IST0146",
            f"Deployment {item.name} contains `image: auto` but its pods are not injected: no webhook takes them.",
            hint=f"label the namespace with {INJECTION_LABEL}=enabled, or the pod with {INJECT}=true",
        )  # fmt: skip


def _has_auto(spec: core.PodSpec) -> bool:
    return any(container.image == "auto" for container in (*spec.containers, *spec.init_containers))


ANALYZER = Analyzer("injection.ImageAutoAnalyzer", (DEPLOYMENTS, PODS), (NAMESPACES, MUTATINGWEBHOOKS), analyze)
