"""Namespaces with pods whose proxy is not the image that injection would give them now. IST0158."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.injected import INJECTION_LABEL, injector_values, opted_out, proxy_of
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import CONFIGMAPS, NAMESPACES, PODS

IMAGE_OVERRIDE = "sidecar.istio.io/proxyImage"


def analyze(item: Item, view: View) -> Iterator[Problem]:
    values = injector_values(view).get("global") or {}
    image = str((values.get("proxy") or {}).get("image", ""))
    if not image or item.labels.get(INJECTION_LABEL) != "enabled":
        return
    if "/" not in image:
        image = f"{values.get('hub', '')}/{image}:{values.get('tag', '')}"
    outdated = [pod.name for pod in view.within(PODS, item.name) if _is_outdated(pod, image)]
    if outdated:
        yield found(
            item, "IST0158",
            "The Istio proxy images of the pods running in the namespace do not match the image defined in the "
            f"injection configuration (pods: {', '.join(outdated)}).",
        )  # fmt: skip


def _is_outdated(pod: Item, image: str) -> bool:
    container = proxy_of(pod.value)
    if container is None or opted_out(pod.value) or IMAGE_OVERRIDE in pod.annotations:
        return False
    return _base_image(container.image) not in (image, "auto")


def _base_image(image: str) -> str:
    """The image without the suffix of its variant."""
    return image.removesuffix("-distroless").removesuffix("-debug")


ANALYZER = Analyzer("injection.ImageAnalyzer", (NAMESPACES,), (PODS, CONFIGMAPS), analyze)
