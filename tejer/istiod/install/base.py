"""What the control plane stands on: its namespace, ServiceAccounts, rights and ConfigMaps."""

from __future__ import annotations

import json

from tejer.istiod import rbac
from tejer.istiod.install.options import InstallOptions, merge
from tejer.kube.dump import to_yaml
from tejer.kube.resource import Body

RBAC_GROUP = "rbac.authorization.k8s.io"
OWNER_LABEL = "install.operator.istio.io/owning-resource"
"""Every object of an installation has it, so that `uninstall` finds them. istioctl's label."""


def metadata(options: InstallOptions, name: str, *, namespaced: bool = True, **labels: str) -> Body:
    """Metadata with the labels that mark an object as part of the installation."""
    result: Body = {"name": name}
    if namespaced:
        result["namespace"] = options.namespace
    result["labels"] = {
        "app": "istiod",
        "istio.io/rev": options.revision,
        OWNER_LABEL: "tejer",
        "operator.istio.io/component": "Pilot",
        **labels,
    }
    return result


def namespace(options: InstallOptions) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": options.namespace, "labels": {OWNER_LABEL: "tejer"}},
    }


def access(options: InstallOptions) -> list[Body]:
    """istiod's ServiceAccount and exactly the rights it needs."""
    cluster_name = f"istiod-{options.namespace}"
    subject = {"kind": "ServiceAccount", "name": "istiod", "namespace": options.namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(options, "istiod")},
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": metadata(options, cluster_name, namespaced=False),
            "rules": list(rbac.CLUSTER_RULES),
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata(options, cluster_name, namespaced=False),
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": cluster_name},
            "subjects": [subject],
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "Role",
            "metadata": metadata(options, "istiod"),
            "rules": list(rbac.NAMESPACE_RULES),
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": metadata(options, "istiod"),
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": "istiod"},
            "subjects": [subject],
        },
    ]


def config_maps(options: InstallOptions) -> list[Body]:
    """`istio` (mesh configuration) and `istio-sidecar-injector` (the injector's settings)."""
    of_namespace = {
        "defaultConfig": {"discoveryAddress": f"istiod.{options.namespace}.svc:15012"},
        "rootNamespace": options.namespace,
    }
    mesh = merge(of_namespace, options.mesh)
    injector = {"policy": "enabled", "defaultTemplates": ["sidecar"], "alwaysInjectSelector": [],
                "neverInjectSelector": []}  # fmt: skip
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(options, "istio"),
            "data": {"mesh": to_yaml(mesh), "meshNetworks": "networks: {}\n"},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(options, "istio-sidecar-injector"),
            "data": {"config": to_yaml(injector), "values": json.dumps(injector_values(options), indent=2)},
        },
    ]


def injector_values(options: InstallOptions) -> Body:
    """The Helm values the injection templates read, complete."""
    defaults: Body = {
        "global": {
            "hub": options.hub,
            "tag": options.tag,
            "istioNamespace": options.namespace,
            "meshID": "",
            "network": "",
            "multiCluster": {"clusterName": "Kubernetes"},
            "proxy": {"image": "proxyv2", "logLevel": "warning", "componentLogLevel": "misc:error", "resources": {}},
            "proxy_init": {"image": "proxyv2"},
        },
        "revision": "" if options.revision == "default" else options.revision,
        "sidecarInjectorWebhook": {"rewriteAppHTTPProbe": True, "enableNamespacesByDefault": False},
    }
    wanted = {name: options.values[name] for name in ("global", "sidecarInjectorWebhook") if name in options.values}
    merged: Body = merge(defaults, wanted)
    return merged
