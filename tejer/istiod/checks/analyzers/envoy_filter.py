"""EnvoyFilters whose patch depends on the order of others, or can't work. IST0151-0155."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.world import Analyzer, World, found
from tejer.kube.kinds.istio_networking import EnvoyFilter
from tejer.kube.problem import Problem
from tejer.kube.types import ENVOYFILTERS

RELATIVE = ("INSERT_BEFORE", "INSERT_AFTER", "REPLACE")
IGNORED = ("ROUTE_CONFIGURATION", "HTTP_ROUTE")
REPLACEABLE = ("NETWORK_FILTER", "HTTP_FILTER")


def analyze(world: World) -> Iterator[Problem]:
    for item in world.typed(ENVOYFILTERS, EnvoyFilter):
        spec = item.value.spec
        for index, patch in enumerate(spec.config_patches):
            if patch.patch is None:
                continue
            operation, field = patch.patch.operation, f"spec.configPatches[{index}]"
            match = patch.match
            version = match.proxy.proxy_version if match is not None and match.proxy is not None else ""
            relative = not spec.priority and operation in RELATIVE
            if relative:
                yield found(item.body, "IST0151",
                            "This EnvoyFilter does not have a priority and has a relative patch operation set which "
                            "can cause the EnvoyFilter not to be applied. Using the INSERT_FIRST or ADD option or "
                            "setting the priority may help in ensuring the EnvoyFilter is applied correctly.",
                            field)  # fmt: skip
            if relative and version:
                yield found(item.body, "IST0155",
                            "This EnvoyFilter does not have a priority and has a relative patch operation and "
                            "proxyVersion set, which can cause it not to be applied during an upgrade.",
                            field)  # fmt: skip
            if relative:
                break  # what follows depends on this one's place
            if operation == "REPLACE" and patch.apply_to not in REPLACEABLE:
                text = "The REPLACE operation is only valid for HTTP_FILTER and NETWORK_FILTER."
                yield found(item.body, "IST0152", text, field)
            for code, name in (("IST0153", "ADD"), ("IST0154", "REMOVE")):
                if operation == name and patch.apply_to in IGNORED:
                    yield found(item.body, code,
                                f"The {name} operation will be ignored when applyTo is set to {patch.apply_to}.",
                                field)  # fmt: skip


ANALYZERS = (Analyzer("envoyfilter.EnvoyPatchAnalyzer", (ENVOYFILTERS,), analyze),)
