"""Rules that several kinds share: selectors, target references, exportTo, gateway names, namespaced hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.kube.kinds.istio import selector, sidecar
from tejer.kube.kinds.istio.selector import PolicyTargetReference
from tejer.kube.kinds.meta import ObjectMeta

TARGETS = {
    ("", "Service"), ("core", "Service"), ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"), ("networking.istio.io", "ServiceEntry"),
}  # fmt: skip


def add(report: Report, problem: str, *steps: str | int) -> None:
    """Report what a rule of `texts` found, if anything."""
    if problem:
        report.error(problem, *steps)


def check_labels(labels: Mapping[str, str], report: Report, *, warn_empty: bool = False) -> None:
    """Labels that select workloads: exact values only."""
    if not labels and warn_empty:
        report.warning("a selector without labels selects every workload of the namespace")
    for key, value in labels.items():
        if not key:
            report.error("an empty key selects nothing")
        elif "*" in key or "*" in value:
            report.error("wildcards are not supported in selectors", key)


def check_policy_selector(value: selector.WorkloadSelector | None, report: Report) -> None:
    if value is not None:
        check_labels(value.match_labels, report.at("matchLabels"), warn_empty=True)


def check_workload_selector(value: sidecar.WorkloadSelector | None, report: Report) -> None:
    if value is not None:
        check_labels(value.labels, report.at("labels"), warn_empty=True)


def check_targets(
    chosen: selector.WorkloadSelector | None,
    target: PolicyTargetReference | None,
    targets: Sequence[PolicyTargetReference],
    report: Report,
) -> None:
    """At most one of `selector`, `targetRef` and `targetRefs`, and each reference to a kind that policies can have."""
    check_policy_selector(chosen, report.at("selector"))
    given = [name for name, value in (("selector", chosen), ("targetRef", target), ("targetRefs", targets)) if value]
    if len(given) > 1:
        report.error(f"only one of targetRefs or workloadSelector can be set, not {' and '.join(given)}", given[-1])
    for place, reference in ((("targetRef",), target), *((("targetRefs", i), r) for i, r in enumerate(targets))):
        if reference is None:
            continue
        if not reference.name:
            report.error("targetRef name must be set", *place, "name")
        if reference.namespace:
            report.error("targetRef namespace must not be set: cross-namespace references are not supported",
                         *place, "namespace")  # fmt: skip
        if (reference.group, reference.kind) not in TARGETS:
            report.error(f"targetRef kind {reference.group}/{reference.kind} is not supported", *place, "kind")


def check_export_to(
    values: Sequence[str], namespace: str, report: Report, *, service_entry: bool = False, with_selector: bool = False
) -> None:
    """`*`, `.`, `~` or namespaces, none of them twice and `*` alone."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        key = namespace if value == "." else value
        if key in seen:
            report.error(f"{value!r} repeats an earlier entry", index)
        elif value == "~" and not service_entry:
            report.error("`~` (none) is for ServiceEntries only", index)
        elif value not in ("*", ".", "~"):
            add(report, texts.label_problem(value), index)
        seen.add(key)
    for alone in ("*", "~"):
        if alone in seen and len(values) > 1:
            report.error(f"`{alone}` must stand alone")
    if with_selector and seen and seen != {namespace}:
        report.error("with a workloadSelector it can only be exported to its own namespace")


def check_gateway_names(names: Sequence[str], report: Report) -> None:
    """`mesh`, `name` or `namespace/name`; a dotted name is the old form and gives a warning."""
    for index, name in enumerate(names):
        if name == "mesh":
            continue
        namespace, slash, rest = name.partition("/")
        if not slash:
            if "." in name:
                parts = name.split(".")
                report.warning(f"legacy gateway name {name!r}: write {parts[1]}/{parts[0]}", index)
            add(report, texts.fqdn_problem(name), index)
        elif not namespace or not rest:
            report.error("namespace and gateway name must not be empty", index)
        else:
            add(report, texts.label_problem(namespace), index)
            add(report, texts.label_problem(rest), index)


def check_namespaced_host(host: str, report: Report, *, gateway: bool) -> None:
    """`namespace/dnsName` of a Gateway or Sidecar; a Gateway may leave it out, a Sidecar exclude one (`~`)."""
    namespace, slash, name = host.partition("/")
    if not slash:
        if not gateway:
            report.error(f"{host!r} must be of the form namespace/dnsName", hint=f"write */{host} for any namespace")
            return
        namespace, name = "*", host
    if not name or not namespace:
        report.error(f"{host!r}: namespace and dnsName must not be empty")
        return
    if not gateway and namespace.startswith("~"):
        namespace = namespace[1:] or "*"
    if namespace not in ("*", ".") and texts.label_problem(namespace):
        report.error(f"invalid namespace value {namespace!r} in {host!r}")
    if name != "*" and "." not in name:
        report.error(f"{name!r}: short names (non FQDN) are not allowed")
    problem = texts.wildcard_problem(name)
    if problem and not (gateway and texts.is_address(name)):
        report.error(f"invalid domain: {problem}")
    elif gateway and texts.is_partial_wildcard(name):
        report.error(f'partial wildcard "{name}" not allowed')


def namespace_of(metadata: ObjectMeta) -> str:
    return metadata.namespace or "default"
