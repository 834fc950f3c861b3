"""Objects for the tests of checks, from a few lines of YAML."""

from __future__ import annotations

from tejer.istiod.checks.validation import validate
from tejer.kube.manifest import load_text
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body

GROUPS = {
    "VirtualService": "networking", "DestinationRule": "networking", "Gateway": "networking",
    "ServiceEntry": "networking", "Sidecar": "networking", "WorkloadEntry": "networking",
    "WorkloadGroup": "networking", "EnvoyFilter": "networking", "ProxyConfig": "networking",
    "AuthorizationPolicy": "security", "PeerAuthentication": "security", "RequestAuthentication": "security",
    "Telemetry": "telemetry", "WasmPlugin": "extensions", "TrafficExtension": "extensions",
}  # fmt: skip
VERSIONS = {
    "EnvoyFilter": "v1alpha3",
    "ProxyConfig": "v1beta1",
    "WasmPlugin": "v1alpha1",
    "TrafficExtension": "v1alpha1",
}


def istio(kind: str, spec: str, name: str = "x", namespace: str = "default") -> Body:
    """An Istio object with a spec in YAML."""
    version = f"{GROUPS[kind]}.istio.io/{VERSIONS.get(kind, 'v1')}"
    indented = "".join(f"  {line}\n" for line in spec.strip("\n").splitlines())
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n{indented}"
    (document,) = load_text(text)
    return document.body


def objects(text: str) -> list[Body]:
    return [document.body for document in load_text(text)]


def fields(problems: list[Problem], severity: Severity = Severity.ERROR) -> list[str]:
    """The paths that problems of a level are about."""
    return [problem.field for problem in problems if problem.severity is severity]


def refused(kind: str, spec: str) -> list[str]:
    """The fields for which an object is refused."""
    return fields(validate(istio(kind, spec)))


def warned(kind: str, spec: str) -> list[str]:
    return fields(validate(istio(kind, spec)), Severity.WARNING)
