"""Namespaces and pods without a sidecar, and pods whose sidecar is old.

IST0102, 0103, 0123, 0148, 0158. Source: Istio's pkg/config/analysis/analyzers/injection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tejer.istiod.checks.world import DATAPLANE_LABEL, INJECTION_LABEL, REVISION_LABEL, Analyzer, World, found
from tejer.kube.kinds import core
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, metadata, name_of
from tejer.kube.types import CONFIGMAPS, NAMESPACES, PODS

PROXY = "istio-proxy"
INJECT = "sidecar.istio.io/inject"
SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
IMAGE_OVERRIDE = "sidecar.istio.io/proxyImage"
DONE = ("Succeeded", "Failed")


def injector_values(world: World) -> dict[str, Any]:
    """The values of ConfigMap `istio-sidecar-injector`; empty where it is absent or unreadable."""
    for body in world.of(CONFIGMAPS):
        if name_of(body) == "istio-sidecar-injector":
            try:
                values = json.loads((body.get("data") or {}).get("values", ""))
            except ValueError:
                continue
            if isinstance(values, dict):
                return values
    return {}


def is_system(namespace: str, world: World) -> bool:
    return namespace in SYSTEM or namespace == world.istio_namespace


def injected_namespaces(world: World) -> set[str]:
    """Namespaces whose new pods get a sidecar."""
    default = _by_default(world)
    return {
        name_of(body)
        for body in world.of(NAMESPACES)
        if not is_system(name_of(body), world) and _is_injected(metadata(body).get("labels") or {}, default)
    }


def _by_default(world: World) -> bool:
    webhook = injector_values(world).get("sidecarInjectorWebhook") or {}
    return bool(webhook.get("enableNamespacesByDefault"))


def _is_injected(labels: Body, default: bool) -> bool:
    if REVISION_LABEL in labels:
        return labels.get(INJECTION_LABEL) != "disabled"
    return labels.get(INJECTION_LABEL) == "enabled" or (default and INJECTION_LABEL not in labels)


def proxy_of(pod: core.Pod) -> core.Container | None:
    """The sidecar, native or not."""
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    return next((container for container in containers if container.name == PROXY), None)


def analyze_injection(world: World) -> Iterator[Problem]:
    default = _by_default(world)
    for body in world.of(NAMESPACES):
        if not is_system(name_of(body), world):
            yield from _namespace(body, default)
    injected = injected_namespaces(world)
    for item in world.typed(PODS, core.Pod):
        pod: core.Pod = item.value
        if item.namespace not in injected or opted_out(pod) or pod.status.phase in DONE or pod.spec.host_network:
            continue
        if proxy_of(pod) is None:
            yield found(
                item.body, "IST0103",
                f"The pod {item.namespace}/{item.name} is missing the Istio proxy. This can often be resolved by "
                "restarting or redeploying the workload.",
                hint=f"kubectl rollout restart deployment -n {item.namespace}",
            )  # fmt: skip


def _namespace(body: Body, default: bool) -> Iterator[Problem]:
    labels, name = metadata(body).get("labels") or {}, name_of(body)
    label = labels.get(INJECTION_LABEL, "")
    if label == "disabled":
        return
    chosen = [f"{key}={labels[key]}" for key in (INJECTION_LABEL, REVISION_LABEL) if key in labels]
    if labels.get(DATAPLANE_LABEL) == "ambient":
        chosen.append(f"{DATAPLANE_LABEL}=ambient")
    if len(chosen) > 1:
        yield found(body, "IST0123", f"The namespace has more than one type of injection label: {', '.join(chosen)}.")
    elif REVISION_LABEL not in labels and not label and labels.get(DATAPLANE_LABEL) != "ambient":
        if default:
            yield found(body, "IST0148", f"The namespace {name} is injected, as every namespace without a label is.")
        else:
            yield found(
                body, "IST0102",
                f"The namespace is not enabled for Istio injection. Run 'kubectl label namespace {name} "
                f"istio-injection=enabled' to enable it, or 'kubectl label namespace {name} "
                "istio-injection=disabled' to explicitly mark it as not needing injection.",
            )  # fmt: skip


def opted_out(pod: core.Pod) -> bool:
    value = pod.metadata.labels.get(INJECT) or pod.metadata.annotations.get(INJECT, "")
    return value.lower() == "false"


def analyze_image(world: World) -> Iterator[Problem]:
    """Per namespace, the pods whose proxy is not the image that injection would give them now."""
    values = injector_values(world).get("global") or {}
    proxy = values.get("proxy") or {}
    image = str(proxy.get("image", ""))
    if not image:
        return
    if "/" not in image:
        image = f"{values.get('hub', '')}/{image}:{values.get('tag', '')}"
    injected = {
        name_of(body)
        for body in world.of(NAMESPACES)
        if (metadata(body).get("labels") or {}).get(INJECTION_LABEL) == "enabled"
    }
    outdated: dict[str, list[str]] = {}
    for item in world.typed(PODS, core.Pod):
        container = proxy_of(item.value)
        if item.namespace not in injected or container is None or opted_out(item.value):
            continue
        overridden = IMAGE_OVERRIDE in item.value.metadata.annotations
        if not overridden and _base_image(container.image) not in (image, "auto"):
            outdated.setdefault(item.namespace, []).append(item.name)
    for body in world.of(NAMESPACES):
        if names := outdated.get(name_of(body)):
            yield found(
                body, "IST0158",
                f"The Istio proxy images of the pods running in the namespace do not match the image defined in the "
                f"injection configuration (pods: {', '.join(names)}).",
            )  # fmt: skip


def _base_image(image: str) -> str:
    """The image without the suffix of its variant."""
    return image.removesuffix("-distroless").removesuffix("-debug")


ANALYZERS = (
    Analyzer("injection.Analyzer", (NAMESPACES, PODS), analyze_injection),
    Analyzer("injection.ImageAnalyzer", (NAMESPACES, PODS, CONFIGMAPS), analyze_image),
)
