"""Injection webhooks that overlap, or call a Service that is not there. IST0139, 0146, 0147."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from tejer.istiod.checks.world import INJECTION_LABEL, REVISION_LABEL, Analyzer, World, found
from tejer.kube.kinds import apps, core
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, metadata, name_of, namespace_of
from tejer.kube.selectors import label_selector
from tejer.kube.types import DEPLOYMENTS, MUTATINGWEBHOOKS, NAMESPACES, PODS, SERVICES

INJECT = "sidecar.istio.io/inject"
INJECTOR = "istio-sidecar-injector"


def injectors(world: World) -> list[Body]:
    """The configurations of sidecar injectors, ours or of other revisions."""
    return [
        body
        for body in world.of(MUTATINGWEBHOOKS)
        if name_of(body).startswith(INJECTOR) or REVISION_LABEL in (metadata(body).get("labels") or {})
    ]


def takes(hook: Body, namespace: Mapping[str, str], pod: Mapping[str, str]) -> bool:
    """Whether a webhook is called for a pod with these labels in a namespace with those."""
    return label_selector(hook.get("namespaceSelector")).matches(namespace) and label_selector(
        hook.get("objectSelector")
    ).matches(pod)


def analyze_webhooks(world: World) -> Iterator[Problem]:
    bodies = injectors(world)
    yield from _overlaps(bodies)
    services = {(namespace_of(body), name_of(body)) for body in world.of(SERVICES)}
    for body in bodies:
        for index, hook in enumerate(body.get("webhooks") or ()):
            service = (hook.get("clientConfig") or {}).get("service") or {}
            where = (str(service.get("namespace", "")), str(service.get("name", "")))
            if service and where not in services:
                yield found(
                    body, "IST0139",
                    f"Injector refers to a control plane service that does not exist: {where[1]}.{where[0]}.",
                    f"webhooks[{index}].clientConfig.service",
                )  # fmt: skip


def _overlaps(bodies: list[Body]) -> Iterator[Problem]:
    """Tries every kind of namespace and pod: two webhooks that take the same inject twice."""
    hooks = [(body, hook) for body in bodies for hook in body.get("webhooks") or ()]
    for namespace, pod in _labels(bodies):
        matching = [(body, hook) for body, hook in hooks if takes(hook, namespace, pod)]
        if len(matching) < 2:
            continue
        names = [f"{name_of(body)}/{hook.get('name')}" for body, hook in matching]
        for position, (body, _) in enumerate(matching):
            others = [name for index, name in enumerate(names) if index != position]
            yield found(
                body, "IST0139",
                f"Webhook overlaps with others: {others}. This may cause injection to occur twice.", "webhooks",
            )  # fmt: skip


def _labels(bodies: list[Body]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    revisions = sorted({(metadata(body).get("labels") or {}).get(REVISION_LABEL, "default") for body in bodies})
    none: dict[str, str] = {}
    by_revision = [{REVISION_LABEL: revision} for revision in revisions]
    by_label = [none, {INJECTION_LABEL: "enabled"}, {INJECTION_LABEL: "disabled"}]
    by_pod = [none, {INJECT: "true"}, {INJECT: "false"}]
    namespaces = [first | second for first, second in product(by_label, [none, *by_revision])]
    pods = [first | second for first, second in product(by_pod, [none, *by_revision])]
    yield from product(namespaces, pods)


def analyze_image_auto(world: World) -> Iterator[Problem]:
    """`image: auto` is filled in by injection only: without it the pod can't start."""
    for item in world.typed(PODS, core.Pod):
        if _has_auto(item.value.spec):
            yield found(item.body, "IST0147", f"Pod {item.name} has `image: auto` but was not injected.")
    hooks = [hook for body in injectors(world) for hook in body.get("webhooks") or ()]
    for item in world.typed(DEPLOYMENTS, apps.Deployment):
        template = item.value.spec.template
        if template is None or not _has_auto(template.spec):
            continue
        labels = world.namespace_labels(item.namespace)
        if not any(takes(hook, labels, template.metadata.labels) for hook in hooks):
            yield found(
                item.body, "IST0146",
                f"Deployment {item.name} contains `image: auto` but its pods are not injected: no webhook takes them.",
                hint=f"label the namespace with {INJECTION_LABEL}=enabled, or the pod with {INJECT}=true",
            )  # fmt: skip


def _has_auto(spec: core.PodSpec) -> bool:
    return any(container.image == "auto" for container in (*spec.containers, *spec.init_containers))


ANALYZERS = (
    Analyzer("injection.ImageAutoAnalyzer", (NAMESPACES, DEPLOYMENTS, PODS, MUTATINGWEBHOOKS), analyze_image_auto),
    Analyzer("webhook.Analyzer", (MUTATINGWEBHOOKS, SERVICES), analyze_webhooks),
)
