"""Istio's annotations: unknown, on the wrong kind, deprecated, with a wrong value. IST0107, 0108, 0125, 0135."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tejer.istiod.checks import texts
from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.annotation_table import ANNOTATIONS
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.duration import parse_duration
from tejer.kube.problem import Problem
from tejer.kube.types import DEPLOYMENTS, NAMESPACES, PODS, SERVICES

READ_ELSEWHERE = (
    "prometheus.istio.io/secure-port", "proxy.istio.io/health-checks-enabled", "networking.istio.io/tunnel",
    "networking.istio.io/address-type", "install.operator.istio.io/", "operator.istio.io/", "internal.istio.io/",
    "ambient.istio.io/", "gateway.istio.io/",
)  # fmt: skip
BOOLEANS = ("sidecar.istio.io/inject", "sidecar.istio.io/rewriteAppHTTPProbers", "prometheus.istio.io/merge-metrics",
            "sidecar.istio.io/nativeSidecar")  # fmt: skip
TRUTHS = ("true", "false", "enabled", "disabled", "yes", "no", "1", "0")
PORTS = (
    "readiness.status.sidecar.istio.io/applicationPorts",
    "traffic.sidecar.istio.io/excludeInboundPorts", "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundPorts", "traffic.sidecar.istio.io/includeOutboundPorts",
)  # fmt: skip
SUBNETS = ("traffic.sidecar.istio.io/excludeOutboundIPRanges", "traffic.sidecar.istio.io/includeOutboundIPRanges")


def analyze(item: Item, _: View) -> Iterator[Problem]:
    for name, value in item.annotations.items():
        yield from _check(item, str(name), str(value))


def _check(item: Item, name: str, value: str) -> Iterator[Problem]:
    field = f'metadata.annotations["{name}"]'
    if not _is_ours(name):
        return
    known = ANNOTATIONS.get(name)
    if known is None:
        if not name.startswith(READ_ELSEWHERE):
            close = difflib.get_close_matches(name, ANNOTATIONS, 1, 0.8)
            hint = f"did you mean {close[0]}?" if close else ""
            yield found(item, "IST0108", f"Unknown annotation: {name}", field, hint)
        return
    if known.deprecated:
        text = f"Annotation {name!r} has been deprecated and may not work in future Istio versions."
        yield found(item, "IST0135", text, field)
    if item.kind not in known.kinds and "Any" not in known.kinds:
        yield found(item, "IST0107", f"Misplaced annotation: {name} can only be applied to {', '.join(known.kinds)}",
                    field)  # fmt: skip
    elif problem := value_problem(name, value):
        yield found(item, "IST0125", f"Invalid annotation {name}: {problem}", field)


def _is_ours(name: str) -> bool:
    if name == "kubernetes.io/ingress.class":
        return True
    domain, slash, _ = name.partition("/")
    return bool(slash) and (domain == "istio.io" or domain.endswith(".istio.io"))


def value_problem(name: str, value: str) -> str:
    """What is wrong with an annotation's value, "" where nothing is."""
    if name in BOOLEANS:
        return "" if value.lower() in TRUTHS else f"{value!r} is not true or false"
    parts = [part.strip() for part in value.split(",") if part.strip() and part.strip() != "*"]
    if name in PORTS:
        wrong = (part for part in parts if not part.isdigit() or texts.port_problem(int(part)))
        return next((f"{part!r} is not a port" for part in wrong), "")
    if name in SUBNETS:
        return next((problem for part in parts if (problem := texts.subnet_problem(part))), "")
    if name in ("sidecar.istio.io/statsFlushInterval", "sidecar.istio.io/statsEvictionInterval"):
        try:
            parse_duration(value)
        except ValueError as error:
            return str(error)
    if name.startswith("readiness.status.sidecar.istio.io/") and name not in PORTS and not value.isdigit():
        return f"{value!r} is not a number"
    if name == "status.sidecar.istio.io/port" and (not value.isdigit() or int(value) > 65535):
        return f"{value!r} is not a port"
    if name == "sidecar.istio.io/interceptionMode" and value not in ("REDIRECT", "TPROXY", "NONE"):
        return f"{value!r} is not REDIRECT, TPROXY or NONE"
    return ""


ANALYZER = Analyzer("annotations.K8sAnalyzer", (NAMESPACES, SERVICES, PODS, DEPLOYMENTS), (), analyze, raw=True)
