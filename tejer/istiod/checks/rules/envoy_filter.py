"""EnvoyFilter. Source: Istio's pkg/config/validation/envoyfilter.go."""

from __future__ import annotations

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_targets, check_workload_selector
from tejer.kube.kinds.istio.envoy_filter import EnvoyConfigObjectMatch, EnvoyConfigObjectPatch, EnvoyFilter
from tejer.kube.resource import Body

OBJECTS = {
    "listener": ("LISTENER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER", "LISTENER_FILTER"),
    "route_configuration": ("ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"),
    "cluster": ("CLUSTER",),
}
JSON_NAMES = {"route_configuration": "routeConfiguration"}
FILTERS = ("NETWORK_FILTER", "HTTP_FILTER")
INSERTS = ("INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST")


def check_envoy_filter(value: EnvoyFilter, _: Body, report: Report) -> None:
    spec = value.spec
    check_workload_selector(spec.workload_selector, report.at("workloadSelector"))
    check_targets(None, None, spec.target_refs, report)
    if spec.workload_selector is not None and spec.target_refs:
        report.error("only one of targetRefs or workloadSelector can be set", "targetRefs")
    for index, patch in enumerate(spec.config_patches):
        _check_patch(patch, report.at("configPatches", index))


def _check_patch(patch: EnvoyConfigObjectPatch, report: Report) -> None:
    place = patch.apply_to or "INVALID"
    if place == "INVALID":
        report.error("applyTo is required", "applyTo")
    if patch.patch is None:
        report.error("patch is required", "patch")
        return
    operation, value = patch.patch.operation or "INVALID", patch.patch.value
    if operation == "INVALID":
        report.error("operation is required", "patch", "operation")
    if operation != "REMOVE" and not value:
        report.error(f"{operation} needs a value", "patch", "value")
    if operation == "REMOVE" and value:
        report.warning("REMOVE does not use a value", "patch", "value")
    if operation in INSERTS and place not in (*FILTERS, "HTTP_ROUTE", "LISTENER_FILTER"):
        report.error(f"{operation} is for filters and routes, not {place}", "patch", "operation")
    if patch.patch.filter_class not in ("", "UNSPECIFIED") and place not in ("HTTP_FILTER", "NETWORK_FILTER"):
        report.error("filterClass is for HTTP and network filters", "patch", "filterClass")
    if patch.match is not None:
        _check_match(patch.match, place, report.at("match"))


def _check_match(match: EnvoyConfigObjectMatch, place: str, report: Report) -> None:
    if match.proxy is not None and match.proxy.proxy_version:
        add(report, texts.regex_problem(match.proxy.proxy_version), "proxy", "proxyVersion")
    for name, places in OBJECTS.items():
        if getattr(match, name) is not None and place not in places:
            report.error(f"is not a match for {place}", JSON_NAMES.get(name, name))
    chain = match.listener.filter_chain if match.listener is not None else None
    if chain is not None and chain.filter is not None:
        if not chain.filter.name:
            report.error("a filter's name is required", "listener", "filterChain", "filter", "name")
        if chain.filter.sub_filter is not None:
            if not chain.filter.sub_filter.name:
                report.error("a filter's name is required", "listener", "filterChain", "filter", "subFilter", "name")
            if place != "HTTP_FILTER":
                report.error(f"is for HTTP_FILTER, not {place}", "listener", "filterChain", "filter", "subFilter")
