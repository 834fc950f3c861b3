"""The Lightstep provider is no longer generated. IST0002."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import TELEMETRIES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    names = {provider.name for provider in view.mesh.extension_providers if provider.lightstep is not None}
    for index, tracing in enumerate(item.value.spec.tracing):
        for provider in tracing.providers:
            if provider.name in names:
                yield found(
                    item, "IST0002",
                    f"Deprecated: the Lightstep provider {provider.name} is no longer generated, use the OpenTelemetry "
                    "provider instead",
                    f"spec.tracing[{index}].providers",
                )  # fmt: skip


ANALYZER = Analyzer("telemetry.LightstepAnalyzer", (TELEMETRIES,), (), analyze)
