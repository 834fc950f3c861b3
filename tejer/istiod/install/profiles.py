"""The installation profiles: named sets of settings. Source: Istio's manifests/profiles."""

from __future__ import annotations

from tejer.kube.resource import Body

_INGRESS = {"name": "istio-ingressgateway", "enabled": True}
_MESH: Body = {
    "defaultProviders": {"metrics": ["prometheus"]},
    "enablePrometheusMerge": True,
    "trustDomain": "cluster.local",
}

PROFILES: dict[str, Body] = {
    "default": {"meshConfig": _MESH, "components": {"ingressGateways": [_INGRESS]}},
    "demo": {
        "meshConfig": {**_MESH, "accessLogFile": "/dev/stdout"},
        "components": {"ingressGateways": [_INGRESS]},
    },
    "minimal": {"meshConfig": _MESH},
    "empty": {"meshConfig": _MESH, "components": {"base": {"enabled": False}, "pilot": {"enabled": False}}},
}
