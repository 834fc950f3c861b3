"""`validate`: the verdict on one object, as the webhook gives it. Structure first, then the rules of its kind.

Istio's verdict is the aim: what Istio's webhook refuses is refused, what it warns of is warned of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tejer.istiod.checks.report import Report, Steps, path_of
from tejer.istiod.checks.rules.authentication import check_peer_authentication, check_request_authentication
from tejer.istiod.checks.rules.authorization import check_authorization_policy
from tejer.istiod.checks.rules.destination_rule import check_destination_rule
from tejer.istiod.checks.rules.envoy_filter import check_envoy_filter
from tejer.istiod.checks.rules.extensions import check_traffic_extension, check_wasm_plugin
from tejer.istiod.checks.rules.gateway import check_gateway
from tejer.istiod.checks.rules.service_entry import check_service_entry
from tejer.istiod.checks.rules.sidecar import check_sidecar
from tejer.istiod.checks.rules.telemetry import check_telemetry
from tejer.istiod.checks.rules.virtual_service import check_virtual_service
from tejer.istiod.checks.rules.workload import check_proxy_config, check_workload_entry, check_workload_group
from tejer.istiod.checks.structure import check_spec, check_top, without
from tejer.kube.crds import KINDS
from tejer.kube.kinds.base import Kind
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, decode
from tejer.kube.types import find_type

Rule = Callable[[Any, Body, Report], None]
"""(the object as its kind, its raw spec, where to report)."""

RULES: Mapping[str, Rule] = {
    "VirtualService": check_virtual_service,
    "DestinationRule": check_destination_rule,
    "Gateway": check_gateway,
    "ServiceEntry": check_service_entry,
    "Sidecar": check_sidecar,
    "WorkloadEntry": check_workload_entry,
    "WorkloadGroup": check_workload_group,
    "EnvoyFilter": check_envoy_filter,
    "ProxyConfig": check_proxy_config,
    "AuthorizationPolicy": check_authorization_policy,
    "PeerAuthentication": check_peer_authentication,
    "RequestAuthentication": check_request_authentication,
    "Telemetry": check_telemetry,
    "WasmPlugin": check_wasm_plugin,
    "TrafficExtension": check_traffic_extension,
}
_KINDS: Mapping[tuple[str, str], type[Kind]] = {(rtype.group, rtype.kind): kind for rtype, kind in KINDS}


def validate(body: Body, old: Body | None = None) -> list[Problem]:
    """Everything wrong with an Istio object; an ERROR among it refuses the object. Other kinds have no problems.

    `old` is the object it replaces; an object being deleted is not checked, or its finalizers could never go.
    """
    rtype = find_type(str(body.get("apiVersion", "")), str(body.get("kind", "")))
    kind = _KINDS.get((rtype.group, rtype.kind)) if rtype is not None else None
    if rtype is None or kind is None or (body.get("metadata") or {}).get("deletionTimestamp"):
        return []
    report = Report(("spec",))
    spec = {} if body.get("spec") is None else body["spec"]
    places = check_spec(spec, kind, report)
    check_top(body, report.root())
    found = [*report.problems, *_against_rules(body, without(spec, places, 1), rtype.kind, kind, places)]
    key = rtype.key_of(body)
    return [msgspec.structs.replace(problem, key=key, kind=rtype.kind) for problem in found]


def _against_rules(body: Body, spec: Body, name: str, kind: type[Kind], places: list[Steps]) -> list[Problem]:
    """What the kind's rules say of a spec from which everything of wrong form was taken.

    A rule that speaks of such a place, or of what holds it, may only miss what was taken: it is not repeated.
    """
    report = Report(("spec",))
    try:
        RULES[name](decode({**body, "spec": spec}, kind), spec, report)
    except msgspec.ValidationError as error:
        report.error(str(error))
    wrong = [path_of(steps) for steps in places]
    return [problem for problem in report.problems if not any(on_one_line(problem.field, path) for path in wrong)]


def on_one_line(one: str, other: str) -> bool:
    """Whether one of two paths holds the other, or they are the same."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in ("", ".", "[")


def errors(problems: list[Problem]) -> list[Problem]:
    """Those that refuse the object."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]
