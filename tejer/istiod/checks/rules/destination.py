"""Where traffic is sent and how texts are matched: messages that VirtualService, DestinationRule and Sidecar share."""

from __future__ import annotations

from typing import Any

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add
from tejer.kube.kinds.istio.virtual_service import Destination, Percent, PortSelector, StringMatch


def check_destination(value: Destination | None, report: Report) -> None:
    if value is None:
        report.error("a destination is required")
        return
    if value.host == "*":
        report.error("`*` is not a destination", "host")
    else:
        add(report, texts.wildcard_problem(value.host), "host")
    if value.subset:
        add(report, texts.label_problem(value.subset), "subset")
    check_port_selector(value.port, report.at("port"))


def check_port_selector(value: PortSelector | None, report: Report) -> None:
    if value is not None:
        add(report, texts.port_problem(value.number), "number")


def check_string_match(value: StringMatch | None, report: Report) -> None:
    """At most one way to match, and a regular expression that is one. `check_empty_match` does what is left."""
    if value is None:
        return
    given = [name for name in ("exact", "prefix", "regex") if getattr(value, name)]
    if len(given) > 1:
        report.error(f"only one of exact, prefix and regex can be set, not {' and '.join(given)}")
    if value.regex:
        add(report, texts.regex_problem(value.regex), "regex")


def check_empty_match(raw: Any, report: Report, *, prefix_allowed: bool = False) -> None:
    """An empty prefix or regex matches anything: surely not what was meant. Only the raw body tells it from absence."""
    if not isinstance(raw, dict):
        return
    if raw.get("prefix") == "" and not prefix_allowed:
        report.error("must not be empty", "prefix", hint="leave the condition out to match anything")
    if raw.get("regex") == "":
        report.error("a regular expression must not be empty", "regex")


def check_percent(value: Percent | None, report: Report) -> None:
    if value is not None:
        add(report, texts.percent_problem(value.value), "value")
