"""Which rules check which built-in kind."""

from __future__ import annotations

from collections.abc import Callable

from tejer.cluster.apiserver.machinery.causes import Cause
from tejer.cluster.apiserver.machinery.rules import core, rbac
from tejer.cluster.apiserver.machinery.rules.crd import check_crd
from tejer.cluster.apiserver.machinery.rules.pod import check_pod, pod_warnings
from tejer.cluster.apiserver.machinery.rules.service import check_endpoint_slice, check_endpoints, check_service
from tejer.cluster.apiserver.machinery.rules.webhook import check_webhooks
from tejer.cluster.apiserver.machinery.rules.workload import (
    check_daemon_set,
    check_deployment,
    check_job,
    check_replica_set,
    check_stateful_set,
)
from tejer.kube.resource import Body

Rule = Callable[[Body, Body | None], list[Cause]]

RULES: dict[str, Rule] = {
    "ClusterRole": rbac.check_cluster_role,
    "ClusterRoleBinding": rbac.check_cluster_role_binding,
    "ConfigMap": core.check_config_map,
    "CustomResourceDefinition": check_crd,
    "DaemonSet": check_daemon_set,
    "Deployment": check_deployment,
    "EndpointSlice": check_endpoint_slice,
    "Endpoints": check_endpoints,
    "Event": core.check_event,
    "Job": check_job,
    "Lease": core.check_lease,
    "MutatingWebhookConfiguration": check_webhooks,
    "PersistentVolumeClaim": core.check_claim,
    "Pod": check_pod,
    "ReplicaSet": check_replica_set,
    "Role": rbac.check_role,
    "RoleBinding": rbac.check_role_binding,
    "Secret": core.check_secret,
    "Service": check_service,
    "StatefulSet": check_stateful_set,
    "StorageClass": core.check_storage_class,
    "ValidatingWebhookConfiguration": check_webhooks,
}


def warnings_of(kind: str, body: Body) -> list[str]:
    """Warnings about an object that is accepted."""
    spec = body.get("spec") or {}
    if kind == "Pod":
        return pod_warnings(spec, "spec")
    template = spec.get("template")
    if kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job") and isinstance(template, dict):
        return pod_warnings(template.get("spec") or {}, "spec.template.spec")
    return []
