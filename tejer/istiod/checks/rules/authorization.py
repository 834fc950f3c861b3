"""AuthorizationPolicy. Source: Istio's pkg/config/validation/validation.go, ValidateAuthorizationPolicy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_targets
from tejer.kube.kinds.istio.authorization_policy import (
    AuthorizationPolicy,
    AuthorizationPolicySpec,
    Condition,
    Operation,
    Rule,
    Source,
)
from tejer.kube.resource import Body

DRY_RUN = "istio.io/dry-run"
ADDRESSES = ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks")
ADDRESS_KEYS = ("source.ip", "remote.ip", "destination.ip")
KEYS = frozenset((
    *ADDRESS_KEYS, "source.namespace", "source.principal", "source.serviceAccount", "source.trustDomain",
    "request.auth.principal", "request.auth.audiences", "request.auth.presenter", "destination.port", "connection.sni",
))  # fmt: skip
KEY_PREFIXES = ("request.headers[", "request.auth.claims[", "experimental.envoy.filters.")
HTTP_KEYS = ("request.",)


def check_authorization_policy(value: AuthorizationPolicy, raw: Body, report: Report) -> None:
    spec = value.spec
    check_targets(spec.selector, spec.target_ref, spec.target_refs, report)
    _check_action(spec, value.metadata.annotations.get(DRY_RUN, ""), report)
    for index, rule in enumerate(spec.rules):
        inner = report.at("rules", index)
        _check_rule(rule, raw["rules"][index], inner)
        if spec.action == "DENY" and _denies_all_tcp(rule):
            inner.warning(
                "denies all traffic to TCP ports, because it has only HTTP conditions",
                hint="name the ports it is for in to.operation.ports",
            )


def _check_action(spec: AuthorizationPolicySpec, dry_run: str, report: Report) -> None:
    action = spec.action or "ALLOW"
    if action == "CUSTOM":
        if not spec.rules:
            report.error("CUSTOM without rules is never used", "rules")
        if spec.provider is None or not spec.provider.name:
            report.error("CUSTOM needs provider.name", "provider", "name")
    elif spec.provider is not None:
        report.error(f"is for action CUSTOM, not {action}", "provider")
    if action == "DENY" and not spec.rules:
        report.error("DENY without rules is never used", "rules", hint="rules: [{}] denies everything")
    if dry_run:
        if dry_run.lower() not in ("true", "false", "1", "0", "t", "f"):
            report.error(f"annotation {DRY_RUN} must be true or false, not {dry_run!r}")
        elif dry_run.lower() in ("true", "1", "t") and action not in ("ALLOW", "DENY"):
            report.error(f"annotation {DRY_RUN} works with ALLOW and DENY, not {action}")


def _check_rule(rule: Rule, raw: Body, report: Report) -> None:
    for name, what in (("from", "source"), ("to", "operation")):
        if raw.get(name) is not None and not raw[name]:
            report.error(f"must have at least one {what}", name, hint=f"leave {name} out to match any")
    for index, entry in enumerate(rule.from_):
        _check_source(entry.source, report.at("from", index, "source"))
    for index, target in enumerate(rule.to):
        _check_operation(target.operation, report.at("to", index, "operation"))
    for index, condition in enumerate(rule.when):
        _check_condition(condition, report.at("when", index))


def _values(message: Any, names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """(JSON name, values) of the list fields of a message."""
    return [(name, getattr(message, "".join(f"_{c.lower()}" if c.isupper() else c for c in name))) for name in names]


SOURCE_FIELDS = (
    "principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals", "namespaces", "notNamespaces",
    "serviceAccounts", "notServiceAccounts", *ADDRESSES, "trustDomains", "notTrustDomains",
)  # fmt: skip
OPERATION_FIELDS = ("hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths")


def _check_source(source: Source | None, report: Report) -> None:
    fields = _values(source, SOURCE_FIELDS) if source is not None else []
    if not any(values for _, values in fields):
        report.error("a source must have at least one condition")
    for name, values in fields:
        _check_list(values, report.at(name))
        if name in ADDRESSES:
            for index, value in enumerate(values):
                add(report, texts.subnet_problem(value) if value else "", name, index)
    if source is not None and (source.service_accounts or source.not_service_accounts):
        _check_accounts(source, report)


def _check_accounts(source: Source, report: Report) -> None:
    if source.principals or source.not_principals or source.namespaces or source.not_namespaces:
        report.error("can't be set beside principals or namespaces", "serviceAccounts")
    for name, values in (
        ("serviceAccounts", source.service_accounts), ("notServiceAccounts", source.not_service_accounts),
    ):  # fmt: skip
        for index, value in enumerate(values):
            if value.count("/") > 1 or "*" in value:
                report.error(f"{value!r} must be `namespace/name` or `name`", name, index)


def _check_operation(operation: Operation | None, report: Report) -> None:
    fields = _values(operation, OPERATION_FIELDS) if operation is not None else []
    if not any(values for _, values in fields):
        report.error("an operation must have at least one condition")
    for name, values in fields:
        _check_list(values, report.at(name))
        for index, value in enumerate(values):
            if name in ("ports", "notPorts") and value:
                add(report, _port_problem(value), name, index)
            if name in ("paths", "notPaths"):
                add(report, _template_problem(value), name, index)


def _check_condition(condition: Condition, report: Report) -> None:
    key = condition.key
    if not key:
        report.error("must not be empty", "key")
    elif key not in KEYS and not key.startswith(KEY_PREFIXES):
        report.error(f"{key!r} is not a known key", "key")
    if not condition.values and not condition.not_values:
        report.error("at least one of values and notValues is required")
    for name, values in (("values", condition.values), ("notValues", condition.not_values)):
        _check_list(values, report.at(name))
        for index, value in enumerate(values):
            if value and key in ADDRESS_KEYS:
                add(report, texts.subnet_problem(value), name, index)
            elif value and key == "destination.port":
                add(report, _port_problem(value), name, index)


def _check_list(values: Sequence[str], report: Report) -> None:
    for index, value in enumerate(values):
        if not value:
            report.error("must not be empty", index)


def _port_problem(text: str) -> str:
    return texts.port_problem(int(text)) if text.isdigit() else f"{text!r} is not a port"


def _template_problem(path: str) -> str:
    """`{*}` stands for one segment, `{**}` for any number and comes last; not beside a plain `*`."""
    if "{" not in path and "}" not in path:
        return ""
    segments = path.split("/")
    for index, segment in enumerate(segments):
        if ("{" in segment or "}" in segment) and segment not in ("{*}", "{**}"):
            return f"{path!r}: {segment!r} must be {{*}} or {{**}}"
        if segment == "{**}" and any(later == "{**}" for later in segments[index + 1 :]):
            return f"{path!r}: {{**}} may stand once only"
        if "*" in segment and segment not in ("{*}", "{**}"):
            return f"{path!r}: a template can't have a plain * too"
    return ""


def _denies_all_tcp(rule: Rule) -> bool:
    """On a TCP port the HTTP conditions of a DENY rule are dropped: what is left then matches everything."""
    uses_http = any(
        entry.source is not None and (entry.source.request_principals or entry.source.not_request_principals)
        for entry in rule.from_
    ) or any(condition.key.startswith(HTTP_KEYS) for condition in rule.when)
    with_ports = any(condition.key == "destination.port" for condition in rule.when)
    for target in rule.to:
        operation = target.operation
        if operation is None:
            continue
        names = ("hosts", "not_hosts", "methods", "not_methods", "paths", "not_paths")
        uses_http = uses_http or any(getattr(operation, name) for name in names)
        with_ports = with_ports or bool(operation.ports or operation.not_ports)
    return uses_http and not with_ports
