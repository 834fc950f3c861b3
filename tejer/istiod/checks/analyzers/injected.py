"""Which namespaces and pods get a sidecar: shared by the analyzers of injection and of workloads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import core
from tejer.kube.types import CONFIGMAPS, NAMESPACES

INJECTION_LABEL, REVISION_LABEL = "istio-injection", "istio.io/rev"
DATAPLANE_LABEL = "istio.io/dataplane-mode"
REDIRECTION = "ambient.istio.io/redirection"
INJECT = "sidecar.istio.io/inject"
PROXY = "istio-proxy"
INJECTOR = "istio-sidecar-injector"
SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")


def injector_values(view: View) -> dict[str, Any]:
    """The values of ConfigMap `istio-sidecar-injector`; empty where it is absent or unreadable."""
    for item in view.where(CONFIGMAPS, _injector_name, INJECTOR):
        try:
            values = json.loads((item.body.get("data") or {}).get("values", ""))
        except (ValueError, TypeError, AttributeError):
            continue
        if isinstance(values, dict):
            return values
    return {}


def _injector_name(item: Item) -> Iterator[str]:
    if item.name == INJECTOR:
        yield INJECTOR


def is_system(namespace: str, view: View) -> bool:
    return namespace in SYSTEM or namespace == view.settings.istio_namespace


def injected_by_default(view: View) -> bool:
    webhook = injector_values(view).get("sidecarInjectorWebhook") or {}
    return bool(webhook.get("enableNamespacesByDefault"))


def is_injected(namespace: str, view: View) -> bool:
    """Whether new pods of an existing namespace get a sidecar."""
    item = view.get(NAMESPACES, "", namespace)
    if item is None or is_system(namespace, view):
        return False
    if REVISION_LABEL in item.labels:
        return item.labels.get(INJECTION_LABEL) != "disabled"
    label = item.labels.get(INJECTION_LABEL)
    return label == "enabled" or (label is None and injected_by_default(view))


def in_ambient(labels: Mapping[str, str]) -> bool:
    """Whether a namespace with these labels is in ambient mode: its workloads have no sidecar then."""
    if labels.get(INJECTION_LABEL) == "enabled" or REVISION_LABEL in labels:
        return False
    return labels.get(DATAPLANE_LABEL) == "ambient"


def proxy_of(pod: core.Pod) -> core.Container | None:
    """The sidecar, native or not."""
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    return next((container for container in containers if container.name == PROXY), None)


def opted_out(pod: core.Pod) -> bool:
    value = pod.metadata.labels.get(INJECT) or pod.metadata.annotations.get(INJECT, "")
    return value.lower() == "false"


def in_mesh(pod: Item, view: View) -> bool:
    """Whether policies have an effect on a pod: it has a sidecar, will get one, or is in ambient mode."""
    if proxy_of(pod.value) is not None or (is_injected(pod.namespace, view) and not opted_out(pod.value)):
        return True
    return pod.annotations.get(REDIRECTION) == "enabled" or in_ambient(view.namespace_labels(pod.namespace))
