"""istiod's Deployment and Service. Source: Istio's manifests/charts/istio-control/istio-discovery."""

from __future__ import annotations

from tejer.istiod.install.base import metadata
from tejer.istiod.install.options import InstallOptions
from tejer.kube import ports
from tejer.kube.resource import Body

SELECTOR = {"app": "istiod", "istio": "pilot"}
NAME = "istiod"
ANALYSIS = "PILOT_ENABLE_ANALYSIS"


def service(options: InstallOptions) -> Body:
    named = (
        ("grpc-xds", ports.ISTIOD_XDS_PLAIN, ports.ISTIOD_XDS_PLAIN),
        ("https-dns", ports.ISTIOD_XDS, ports.ISTIOD_XDS),
        ("https-webhook", 443, ports.ISTIOD_WEBHOOKS),
        ("http-monitoring", ports.ISTIOD_MONITORING, ports.ISTIOD_MONITORING),
    )
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(options, NAME, istio="pilot"),
        "spec": {
            "ports": [
                {"name": name, "port": port, "protocol": "TCP", "targetPort": target} for name, port, target in named
            ],
            "selector": dict(SELECTOR),
        },
    }


def deployment(options: InstallOptions) -> Body:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(options, NAME, istio="pilot"),
        "spec": {
            "replicas": options.pilot_replicas,
            "selector": {"matchLabels": dict(SELECTOR)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {
                    # istiod injects the others and can't wait for itself.
                    "labels": {**SELECTOR, "istio.io/rev": options.revision, "sidecar.istio.io/inject": "false"},
                    "annotations": {
                        "prometheus.io/scrape": "true",
                        "prometheus.io/port": str(ports.ISTIOD_MONITORING),
                    },
                },
                "spec": _pod(options),
            },
        },
    }


def _pod(options: InstallOptions) -> Body:
    field = "metadata.{}".format
    from_pod = {
        "POD_NAME": field("name"),
        "POD_NAMESPACE": field("namespace"),
        "SERVICE_ACCOUNT": "spec.serviceAccountName",
    }
    env = [
        {"name": "REVISION", "value": options.revision},
        {"name": "CLUSTER_ID", "value": "Kubernetes"},
        {"name": "TRUST_DOMAIN", "value": options.trust_domain},
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in from_pod.items()),
        *_analysis(options),
        *options.pilot_env,
    ]
    return {
        "serviceAccountName": "istiod",
        "containers": [
            {
                "name": "discovery",
                "image": options.image("pilot"),
                "args": ["discovery"],
                "env": env,
                "ports": [
                    {"name": "http-debug", "containerPort": ports.ISTIOD_HEALTH, "protocol": "TCP"},
                    {"name": "grpc-xds", "containerPort": ports.ISTIOD_XDS_PLAIN, "protocol": "TCP"},
                    {"name": "tls-xds", "containerPort": ports.ISTIOD_XDS, "protocol": "TCP"},
                    {"name": "https-webhooks", "containerPort": ports.ISTIOD_WEBHOOKS, "protocol": "TCP"},
                    {"name": "http-monitoring", "containerPort": ports.ISTIOD_MONITORING, "protocol": "TCP"},
                ],
                "readinessProbe": {
                    "httpGet": {"path": "/ready", "port": ports.ISTIOD_HEALTH},
                    "periodSeconds": 1,
                    "timeoutSeconds": 5,
                },
                "resources": options.pilot_resources or {"requests": {"cpu": "10m", "memory": "100Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                    "runAsUser": 1337,
                    "runAsGroup": 1337,
                },
            }
        ],
    }


def _analysis(options: InstallOptions) -> list[Body]:
    """Say in each object's status what is wrong with it, unless whoever installs decides otherwise."""
    given = {variable.get("name") for variable in options.pilot_env}
    return [] if ANALYSIS in given else [{"name": ANALYSIS, "value": "true"}]
