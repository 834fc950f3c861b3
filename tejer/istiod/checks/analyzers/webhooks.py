"""Injection webhooks that overlap, or call a Service that is not there. IST0139."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.injected import INJECT, INJECTION_LABEL, INJECTOR, REVISION_LABEL
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.resource import Body
from tejer.kube.selectors import label_selector
from tejer.kube.types import MUTATINGWEBHOOKS, SERVICES


def injectors(view: View) -> list[Item]:
    """The configurations of sidecar injectors, ours or of other revisions."""
    return [item for item in view.all(MUTATINGWEBHOOKS) if _is_injector(item)]


def _is_injector(item: Item) -> bool:
    return item.name.startswith(INJECTOR) or REVISION_LABEL in item.labels


def takes(hook: Body, namespace: Mapping[str, str], pod: Mapping[str, str]) -> bool:
    """Whether a webhook is called for a pod with these labels in a namespace with those."""
    return label_selector(hook.get("namespaceSelector")).matches(namespace) and label_selector(
        hook.get("objectSelector")
    ).matches(pod)


def analyze(item: Item, view: View) -> Iterator[Problem]:
    if not _is_injector(item):
        return
    yield from _overlaps(item, injectors(view))
    for index, hook in enumerate(item.body.get("webhooks") or ()):
        service = (hook.get("clientConfig") or {}).get("service") or {}
        namespace, name = str(service.get("namespace", "")), str(service.get("name", ""))
        if service and view.get(SERVICES, namespace, name) is None:
            yield found(
                item, "IST0139",
                f"Injector refers to a control plane service that does not exist: {name}.{namespace}.",
                f"webhooks[{index}].clientConfig.service",
            )  # fmt: skip


def _overlaps(item: Item, items: Sequence[Item]) -> Iterator[Problem]:
    """Tries every kind of namespace and pod: two webhooks that take the same inject twice."""
    hooks = [(owner, hook) for owner in items for hook in owner.body.get("webhooks") or ()]
    for namespace, pod in _labels(items):
        matching = [(owner, hook) for owner, hook in hooks if takes(hook, namespace, pod)]
        if len(matching) < 2:
            continue
        names = [f"{owner.name}/{hook.get('name')}" for owner, hook in matching]
        for position, (owner, _) in enumerate(matching):
            if owner == item:
                others = [name for index, name in enumerate(names) if index != position]
                yield found(
                    item, "IST0139",
                    f"Webhook overlaps with others: {others}. This may cause injection to occur twice.", "webhooks",
                )  # fmt: skip


def _labels(items: Sequence[Item]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    revisions = sorted({item.labels.get(REVISION_LABEL, "default") for item in items})
    none: dict[str, str] = {}
    by_revision = [{REVISION_LABEL: revision} for revision in revisions]
    by_label = [none, {INJECTION_LABEL: "enabled"}, {INJECTION_LABEL: "disabled"}]
    by_pod = [none, {INJECT: "true"}, {INJECT: "false"}]
    namespaces = [first | second for first, second in product(by_label, [none, *by_revision])]
    pods = [first | second for first, second in product(by_pod, [none, *by_revision])]
    yield from product(namespaces, pods)


ANALYZER = Analyzer("webhook.Analyzer", (MUTATINGWEBHOOKS,), (SERVICES,), analyze)
