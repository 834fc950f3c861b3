"""What Istio asks of Kubernetes' own kinds: port names that tell the protocol, labels that telemetry uses.

Source: Istio's istioctl/pkg/validate/validate.go.
"""

from __future__ import annotations

from typing import Any

from tejer.istiod.checks import protocols
from tejer.istiod.checks.report import Report
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, namespace_of

TELEMETRY_LABELS = ("app", "version")
APP_PROTOCOLS = {"kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"}


def validate_workload(body: Body, istio_namespace: str) -> list[Problem]:
    """Problems of a Service or Deployment outside the control plane's namespace; none for any other kind."""
    report = Report(("spec",))
    if namespace_of(body) != istio_namespace:
        spec = body.get("spec")
        if body.get("kind") == "Service" and isinstance(spec, dict):
            for index, port in enumerate(spec.get("ports") or ()):
                if isinstance(port, dict):
                    _check_port(port, report.at("ports", index))
        elif body.get("kind") == "Deployment":
            _check_labels(spec, report)
    return report.problems


def _check_port(port: dict[str, Any], report: Report) -> None:
    if str(port.get("protocol", "")).upper() == "UDP":
        return
    app_protocol, name = port.get("appProtocol"), port.get("name")
    if app_protocol is not None:
        if not protocols.parse(str(app_protocol)) and app_protocol not in APP_PROTOCOLS:
            report.error(f"{app_protocol!r} is not a protocol Istio knows", "appProtocol")
    elif name is None:
        report.error("a port must have a name that begins with its protocol", "name", hint="such as http or tcp-db")
    elif not names_protocol(str(name)):
        report.error(f"{name!r} does not begin with a protocol", "name", hint=f"write http-{name}, or set appProtocol")


def names_protocol(name: str) -> bool:
    """Whether a port's name is `protocol` or `protocol-anything`."""
    lower = name.lower()
    if lower == "grpc-web" or lower.startswith("grpc-web-"):
        return True
    return bool(protocols.parse(lower.partition("-")[0]))


def _check_labels(spec: Any, report: Report) -> None:
    template = (spec or {}).get("template") or {} if isinstance(spec, dict) else {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    for label in TELEMETRY_LABELS:
        if spec and label not in labels:
            report.warning(f"without the label {label!r} metrics and traces can't be grouped by it",
                           "template", "metadata", "labels")  # fmt: skip
