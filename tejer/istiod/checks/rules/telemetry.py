"""Telemetry. Source: Istio's pkg/config/validation/validation.go, ValidateTelemetry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_targets
from tejer.kube.kinds.istio.telemetry import AccessLogging, Metrics, ProviderRef, Telemetry, Tracing
from tejer.kube.resource import Body

# Enough of CEL's grammar to find what can't be an expression: unbalanced brackets, a missing operand.
_TOKEN = re.compile(
    r"""\s*(?:(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_][\w]*|\d[\w.]*)|(?P<open>[(\[{])|(?P<close>[)\]}])"""
    r"""|(?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:,.]))"""
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def check_telemetry(value: Telemetry, _: Body, report: Report) -> None:
    spec = value.spec
    check_targets(spec.selector, spec.target_ref, spec.target_refs, report)
    if len(spec.tracing) > 1:
        report.warning("multiple tracing is not currently supported: only the first is used", "tracing")
    for index, tracing in enumerate(spec.tracing):
        _check_tracing(tracing, report.at("tracing", index))
    for index, metrics in enumerate(spec.metrics):
        _check_metrics(metrics, report.at("metrics", index))
    for index, logging in enumerate(spec.access_logging):
        _check_logging(logging, report.at("accessLogging", index))


def _check_tracing(value: Tracing, report: Report) -> None:
    if len(value.providers) > 1:
        report.warning("multiple providers are not currently supported: only the first is used", "providers")
    _check_providers(value.providers, report)
    add(report, texts.percent_problem(value.random_sampling_percentage), "randomSamplingPercentage")
    for name, tag in value.custom_tags.items():
        inner = report.at("customTags", name)
        if not name:
            inner.error("a tag's name must not be empty")
        if tag.environment is not None and not tag.environment.name:
            inner.error("must not be empty", "environment", "name")
        if tag.header is not None and not tag.header.name:
            inner.error("must not be empty", "header", "name")
        if tag.literal is not None and not tag.literal.value:
            inner.error("must not be empty", "literal", "value")
        if tag.formatter is not None and not tag.formatter.value:
            inner.error("must not be empty", "formatter", "value")


def _check_providers(providers: Sequence[ProviderRef], report: Report) -> None:
    for index, provider in enumerate(providers):
        if not provider.name:
            report.error("providers.name may not be empty", "providers", index, "name")


def _check_metrics(value: Metrics, report: Report) -> None:
    _check_providers(value.providers, report)
    if value.reporting_interval:
        add(report, texts.duration_problem(value.reporting_interval), "reportingInterval")
    for index, override in enumerate(value.overrides):
        for name, tag in override.tag_overrides.items():
            inner = report.at("overrides", index, "tagOverrides", name)
            if tag.operation in ("", "UPSERT") and not tag.value:
                inner.error("must be set when operation is UPSERT", "value")
            elif tag.operation in ("", "UPSERT"):
                add(inner, expression_problem(tag.value), "value")
            elif tag.value:
                inner.error("must not be set when operation is REMOVE", "value")


def _check_logging(value: AccessLogging, report: Report) -> None:
    _check_providers(value.providers, report)
    if value.filter is not None and value.filter.expression:
        add(report, expression_problem(value.filter.expression), "filter", "expression")


def expression_problem(text: str) -> str:
    """A rough check of a CEL expression; the API server or Envoy finds the rest."""
    stack: list[str] = []
    position, last = 0, "operator"
    text = text.strip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return f"{text!r} is not a CEL expression: at {text[position:]!r}"
        if token["open"]:
            stack.append(token["open"])
        elif token["close"] and (not stack or stack.pop() != _PAIRS[token["close"]]):
            return f"{text!r} is not a CEL expression: {token['close']!r} without its opening"
        last = token.lastgroup or ""
        position = token.end()
    if stack or last == "operator":
        return f"{text!r} is not a CEL expression: it ends too early"
    return ""
