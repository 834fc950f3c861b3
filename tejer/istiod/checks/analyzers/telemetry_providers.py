"""Access logs without a provider, and no default one: nothing is logged. IST0157."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import TELEMETRIES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    defaults = view.mesh.default_providers
    if defaults is not None and defaults.access_logging:
        return
    for index, logging in enumerate(item.value.spec.access_logging):
        if not logging.providers and not logging.disabled:
            yield found(
                item, "IST0157",
                f"The Telemetry {item.name} in namespace {item.namespace} with empty providers will be ignored.",
                f"spec.accessLogging[{index}].providers",
            )  # fmt: skip


ANALYZER = Analyzer("telemetry.ProviderAnalyzer", (TELEMETRIES,), (), analyze)
