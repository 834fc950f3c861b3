"""The installation profiles: named sets of settings. Source: Istio's manifests/profiles."""

from __future__ import annotations

from tejer.kube.resource import Body

_INGRESS = {"name": "istio-ingressgateway", "enabled": True}
_COLLECTOR = "jaeger-collector.istio-system.svc.cluster.local"
"""Of samples/addons/jaeger.yaml. Where it is not installed, nothing is traced."""
_MESH: Body = {
    "defaultProviders": {"metrics": ["prometheus"]},
    "enablePrometheusMerge": True,
    "trustDomain": "cluster.local",
}

PROFILES: dict[str, Body] = {
    "default": {"meshConfig": _MESH, "components": {"ingressGateways": [_INGRESS]}},
    "demo": {
        "meshConfig": {
            **_MESH,
            "accessLogFile": "/dev/stdout",
            "extensionProviders": [
                {"name": "jaeger", "opentelemetry": {"service": _COLLECTOR, "port": 4317}},
                {"name": "jaeger-logs", "envoyOtelAls": {"service": _COLLECTOR, "port": 4317}},
            ],
            "defaultProviders": {
                "metrics": ["prometheus"],
                "tracing": ["jaeger"],
                "accessLogging": ["envoy", "jaeger-logs"],
            },
            "defaultConfig": {"tracing": {"sampling": 100}},
        },
        "components": {"ingressGateways": [_INGRESS]},
    },
    "minimal": {"meshConfig": _MESH},
    "empty": {"meshConfig": _MESH, "components": {"base": {"enabled": False}, "pilot": {"enabled": False}}},
}
