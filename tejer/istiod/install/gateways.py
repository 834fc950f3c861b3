"""A gateway: Deployment, Service, ServiceAccount and the right to read its certificates.

The pod is an empty shell that the injector's `gateway` template fills, so it starts with the proxy's settings of the
mesh it joins. Source: Istio's manifests/charts/gateways.
"""

from __future__ import annotations

from tejer.istiod.install.base import OWNER_LABEL, RBAC_GROUP
from tejer.istiod.install.options import Gateway, InstallOptions
from tejer.kube import ports
from tejer.kube.resource import Body

SERVICE_PORTS: tuple[Body, ...] = (
    {"name": "status-port", "port": ports.ENVOY_READY, "protocol": "TCP", "targetPort": ports.ENVOY_READY},
    {"name": "http2", "port": 80, "protocol": "TCP", "targetPort": 8080},
    {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 8443},
)


def gateway(options: InstallOptions, spec: Gateway) -> list[Body]:
    """The objects of one gateway, in the order they are applied."""
    account = f"{spec.name}-service-account"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(options, spec, account)},
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "Role",
            "metadata": _metadata(options, spec, f"{spec.name}-sds"),
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "watch", "list"]}],
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": _metadata(options, spec, f"{spec.name}-sds"),
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": f"{spec.name}-sds"},
            "subjects": [{"kind": "ServiceAccount", "name": account}],
        },
        _service(options, spec),
        _deployment(options, spec, account),
    ]


def _metadata(options: InstallOptions, spec: Gateway, name: str) -> Body:
    return {
        "name": name,
        "namespace": spec.namespace or options.namespace,
        "labels": {
            **spec.labels,
            "istio.io/rev": options.revision,
            OWNER_LABEL: "tejer",
            "operator.istio.io/component": "IngressGateways",
        },
    }


def _service(options: InstallOptions, spec: Gateway) -> Body:
    metadata = _metadata(options, spec, spec.name)
    if spec.annotations:
        metadata["annotations"] = dict(spec.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": spec.service_type,
            "selector": dict(spec.labels),
            "ports": [dict(port) for port in spec.ports or SERVICE_PORTS],
        },
    }


def _deployment(options: InstallOptions, spec: Gateway, account: str) -> Body:
    container: Body = {
        "name": "istio-proxy",
        "image": "auto",
        "ports": [
            *(
                {"containerPort": port.get("targetPort", port["port"]), "protocol": "TCP"}
                for port in spec.ports or SERVICE_PORTS
            ),
            {"containerPort": ports.ENVOY_METRICS, "protocol": "TCP", "name": "http-envoy-prom"},
        ],
    }
    if spec.resources:
        container["resources"] = dict(spec.resources)
    if spec.env:
        container["env"] = [dict(entry) for entry in spec.env]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(options, spec, spec.name),
        "spec": {
            "replicas": spec.replicas,
            "selector": {"matchLabels": dict(spec.labels)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {
                    "labels": {**spec.labels, "istio.io/rev": options.revision, "sidecar.istio.io/inject": "true"},
                    "annotations": {"inject.istio.io/templates": "gateway", "istio.io/rev": options.revision},
                },
                "spec": {"serviceAccountName": account, "containers": [container]},
            },
        },
    }
