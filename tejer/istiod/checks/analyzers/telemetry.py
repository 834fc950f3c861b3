"""Telemetry objects that conflict or have no provider. IST0002, 0101, 0157, 0159, 0160."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.world import Analyzer, Typed, World, found, selects
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_telemetry import Telemetry
from tejer.kube.problem import Problem
from tejer.kube.types import PODS, TELEMETRIES


def analyze_defaults(world: World) -> Iterator[Problem]:
    items = world.typed(TELEMETRIES, Telemetry)
    for item in items:
        rivals = [other.name for other in items if other.namespace == item.namespace and not _selector(other)]
        if not _selector(item) and not item.value.spec.target_refs and len(rivals) > 1:
            yield found(
                item.body, "IST0160",
                f"The Telemetries {rivals} in namespace {item.namespace} have no workload selector, which can lead to "
                "undefined behavior.",
            )  # fmt: skip


def _selector(item: Typed) -> dict[str, str]:
    selector = item.value.spec.selector
    return selector.match_labels if selector is not None else {}


def analyze_selectors(world: World) -> Iterator[Problem]:
    items = [item for item in world.typed(TELEMETRIES, Telemetry) if _selector(item)]
    pods = world.typed(PODS, core.Pod)
    for item in items:
        mine = [pod for pod in pods if _takes(item, pod)]
        if not mine:
            text = ",".join(f"{name}={value}" for name, value in sorted(_selector(item).items()))
            yield found(item.body, "IST0101", f'Referenced selector not found: "{text}"', "spec.selector.matchLabels")
        for pod in mine:
            rivals = [other.name for other in items if _takes(other, pod)]
            if len(rivals) > 1:
                yield found(
                    item.body, "IST0159",
                    f"The Telemetries {rivals} in namespace {item.namespace} select the same workload pod {pod.name}, "
                    "which can lead to undefined behavior.",
                    "spec.selector.matchLabels",
                )  # fmt: skip
                break


def _takes(item: Typed, pod: Typed) -> bool:
    return item.namespace == pod.namespace and selects(_selector(item), pod.value.metadata.labels)


def analyze_providers(world: World) -> Iterator[Problem]:
    """Access logs without a provider, and no default one: nothing is logged."""
    if world.mesh.default_providers is not None and world.mesh.default_providers.access_logging:
        return
    for item in world.typed(TELEMETRIES, Telemetry):
        for index, logging in enumerate(item.value.spec.access_logging):
            if not logging.providers and not logging.disabled:
                yield found(
                    item.body, "IST0157",
                    f"The Telemetry {item.name} in namespace {item.namespace} with empty providers will be ignored.",
                    f"spec.accessLogging[{index}].providers",
                )  # fmt: skip


def analyze_lightstep(world: World) -> Iterator[Problem]:
    names = {provider.name for provider in world.mesh.extension_providers if provider.lightstep is not None}
    for item in world.typed(TELEMETRIES, Telemetry):
        for index, tracing in enumerate(item.value.spec.tracing):
            for provider in tracing.providers:
                if provider.name in names:
                    yield found(
                        item.body, "IST0002",
                        f"Deprecated: the Lightstep provider {provider.name} is no longer generated, use the "
                        "OpenTelemetry provider instead",
                        f"spec.tracing[{index}].providers",
                    )  # fmt: skip


ANALYZERS = (
    Analyzer("telemetry.ProviderAnalyzer", (TELEMETRIES,), analyze_providers),
    Analyzer("telemetry.SelectorAnalyzer", (TELEMETRIES, PODS), analyze_selectors),
    Analyzer("telemetry.DefaultSelectorAnalyzer", (TELEMETRIES,), analyze_defaults),
    Analyzer("telemetry.LightstepAnalyzer", (TELEMETRIES,), analyze_lightstep),
)
