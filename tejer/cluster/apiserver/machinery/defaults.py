"""Defaults: of built-in kinds as Kubernetes' Go code sets them, of custom resources as their schema says.

Source: kubernetes `pkg/apis/*/v1/defaults.go`, release 1.33.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from typing import Any

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.podspec import default_pod_spec
from tejer.cluster.apiserver.machinery.schema import Schema
from tejer.kube.resource import Body


def apply_defaults(defn: Definition, body: Body, old: Body | None = None) -> None:
    """Fill what the client left out, in place. `old` is the object being replaced, if any."""
    if defn.is_crd:
        default_by_schema(defn.schema, body)
        return
    rule = _RULES.get(defn.kind)
    if rule is not None:
        rule(body)
    if defn.kind == "Service" and old is not None:
        _keep_allocated(body.get("spec") or {}, old.get("spec") or {})


def default_status(defn: Definition, body: Body) -> None:
    """Fill only `status`, in place: all that an update of the status subresource may change."""
    schema = (defn.schema.get("properties") or {}).get("status")
    if defn.is_crd and schema and isinstance(body.get("status"), dict):
        default_by_schema(schema, body["status"])


def default_by_schema(schema: Schema, value: Any) -> None:
    """Structural defaults; then nulls go where the schema is not nullable, as apiextensions does."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, prop in properties.items():
            if "default" in prop and (key not in value or (value[key] is None and not prop.get("nullable"))):
                value[key] = copy.deepcopy(prop["default"])
        for key in [k for k, v in value.items() if v is None and k in properties and not properties[k].get("nullable")]:
            del value[key]
        additional = schema.get("additionalProperties")
        for key, inner in value.items():
            below = properties.get(key, additional)
            if isinstance(below, dict) and isinstance(inner, (dict, list)):
                default_by_schema(below, inner)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for inner in value:
            default_by_schema(schema["items"], inner)


def _spec(body: Body) -> Body:
    spec: Body = body.setdefault("spec", {})
    return spec


def _pod(body: Body) -> None:
    spec = _spec(body)
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)


def _template(spec: Body) -> Body:
    template: Body = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))
    return template


def _deployment(body: Body) -> None:
    spec = _spec(body)
    _template(spec)
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _replica_set(body: Body) -> None:
    spec = _spec(body)
    spec.setdefault("replicas", 1)
    # a ReplicaSet without labels takes its template's
    labels = (_template(spec).get("metadata") or {}).get("labels")
    if labels and not body.get("metadata", {}).get("labels"):
        body.setdefault("metadata", {})["labels"] = dict(labels)


def _stateful_set(body: Body) -> None:
    spec = _spec(body)
    _template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})


def _daemon_set(body: Body) -> None:
    spec = _spec(body)
    _template(spec)
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


def _job(body: Body) -> None:
    spec = _spec(body)
    _template(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    for key, value in (("backoffLimit", 6), ("completionMode", "NonIndexed"), ("suspend", False)):
        spec.setdefault(key, value)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")


def _cron_job(body: Body) -> None:
    spec = _spec(body)
    for key, value in (("concurrencyPolicy", "Allow"), ("suspend", False)):
        spec.setdefault(key, value)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _template(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


def _service(body: Body) -> None:
    spec = _spec(body)
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if spec.get("clusterIP"):
            spec.setdefault("clusterIPs", [spec["clusterIP"]])


def _keep_allocated(spec: Body, old: Body) -> None:
    """An update that leaves out what the server allocated keeps it, unless the Service stops having addresses."""
    if spec.get("type") == "ExternalName" or old.get("type") == "ExternalName":
        return
    for key in ("clusterIP", "clusterIPs"):
        if not spec.get(key) and old.get(key):
            spec[key] = old[key]
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        return
    allocated = {(p.get("port"), p.get("protocol", "TCP")): p.get("nodePort") for p in old.get("ports") or ()}
    for port in spec.get("ports") or ():
        node_port = allocated.get((port.get("port"), port["protocol"]))
        if not port.get("nodePort") and node_port:
            port["nodePort"] = node_port


def _namespace(body: Body) -> None:
    meta = body.setdefault("metadata", {})
    if meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
    finalizers = _spec(body).setdefault("finalizers", [])
    if not finalizers and not meta.get("deletionTimestamp"):
        finalizers.append("kubernetes")


def _secret(body: Body) -> None:
    body.setdefault("type", "Opaque")
    text = body.pop("stringData", None)
    if text:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        body["data"] = {**(body.get("data") or {}), **encoded}


def _persistent_volume_claim(body: Body) -> None:
    _spec(body).setdefault("volumeMode", "Filesystem")


def _persistent_volume(body: Body) -> None:
    _spec(body).setdefault("persistentVolumeReclaimPolicy", "Retain")
    _spec(body).setdefault("volumeMode", "Filesystem")


def _storage_class(body: Body) -> None:
    body.setdefault("reclaimPolicy", "Delete")
    body.setdefault("volumeBindingMode", "Immediate")


def _subjects(body: Body) -> None:
    role = body.get("roleRef")
    if role:
        role.setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in body.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _webhooks(body: Body) -> None:
    for webhook in body.get("webhooks") or ():
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("namespaceSelector", {})
        webhook.setdefault("objectSelector", {})
        webhook.setdefault("timeoutSeconds", 10)
        if body.get("kind") == "MutatingWebhookConfiguration":
            webhook.setdefault("reinvocationPolicy", "Never")
        for rule in webhook.get("rules") or ():
            rule.setdefault("scope", "*")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            service.setdefault("port", 443)


def _endpoints(body: Body) -> None:
    for subset in body.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _endpoint_slice(body: Body) -> None:
    for port in body.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _crd(body: Body) -> None:
    spec = _spec(body)
    names = spec.get("names") or {}
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})
    if len(spec.get("versions") or ()) == 1 and "storage" not in spec["versions"][0]:
        spec["versions"][0].setdefault("served", True)


def _autoscaler(body: Body) -> None:
    _spec(body).setdefault("minReplicas", 1)


_RULES: dict[str, Callable[[Body], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Namespace": _namespace,
    "Secret": _secret,
    "PersistentVolumeClaim": _persistent_volume_claim,
    "PersistentVolume": _persistent_volume,
    "StorageClass": _storage_class,
    "RoleBinding": _subjects,
    "ClusterRoleBinding": _subjects,
    "MutatingWebhookConfiguration": _webhooks,
    "ValidatingWebhookConfiguration": _webhooks,
    "Endpoints": _endpoints,
    "EndpointSlice": _endpoint_slice,
    "CustomResourceDefinition": _crd,
    "HorizontalPodAutoscaler": _autoscaler,
}
