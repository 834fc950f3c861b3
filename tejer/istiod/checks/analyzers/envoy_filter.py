"""EnvoyFilters whose patch depends on the order of others, or can't work. IST0151-0155."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import ENVOYFILTERS

RELATIVE = ("INSERT_BEFORE", "INSERT_AFTER", "REPLACE")
IGNORED = ("ROUTE_CONFIGURATION", "HTTP_ROUTE")
REPLACEABLE = ("NETWORK_FILTER", "HTTP_FILTER")


def analyze(item: Item, _: View) -> Iterator[Problem]:
    spec = item.value.spec
    for index, patch in enumerate(spec.config_patches):
        if patch.patch is None:
            continue
        operation, field = patch.patch.operation, f"spec.configPatches[{index}]"
        match = patch.match
        version = match.proxy.proxy_version if match is not None and match.proxy is not None else ""
        if not spec.priority and operation in RELATIVE:
            yield found(item, "IST0151",
                        "This EnvoyFilter does not have a priority and has a relative patch operation set which can "
                        "cause the EnvoyFilter not to be applied. Using the INSERT_FIRST or ADD option or setting the "
                        "priority may help in ensuring the EnvoyFilter is applied correctly.",
                        field)  # fmt: skip
            if version:
                yield found(item, "IST0155",
                            "This EnvoyFilter does not have a priority and has a relative patch operation and "
                            "proxyVersion set, which can cause it not to be applied during an upgrade.",
                            field)  # fmt: skip
            break  # what follows depends on this one's place
        yield from _ignored(item, operation, patch.apply_to, field)


def _ignored(item: Item, operation: str, place: str, field: str) -> Iterator[Problem]:
    if operation == "REPLACE" and place not in REPLACEABLE:
        text = "The REPLACE operation is only valid for HTTP_FILTER and NETWORK_FILTER."
        yield found(item, "IST0152", text, field)
    for code, name in (("IST0153", "ADD"), ("IST0154", "REMOVE")):
        if operation == name and place in IGNORED:
            text = f"The {name} operation will be ignored when applyTo is set to {place}."
            yield found(item, code, text, field)


ANALYZER = Analyzer("envoyfilter.EnvoyPatchAnalyzer", (ENVOYFILTERS,), (), analyze)
