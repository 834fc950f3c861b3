"""`inject`: a pod in, the JSON Patch that gives it a sidecar out. Pure; the webhook and `kube-inject` call it.

Source: Istio's pkg/kube/inject/{inject,webhook}.go. Order: decide, derive, build from the template, merge the user's
own `istio-proxy` container over it, rewrite probes and scrape annotations, label, and diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tejer.istiod.inject.annotations import TEMPLATES, check_annotations
from tejer.istiod.inject.config import Injected, InjectRequest, JsonPatchOp
from tejer.istiod.inject.decide import REVISION, decide
from tejer.istiod.inject.merge import merge_container
from tejer.istiod.inject.patch import diff
from tejer.istiod.inject.probes import PROXY, rewrite_probes
from tejer.istiod.inject.prometheus import merge_annotations
from tejer.istiod.inject.proxyconfig import proxy_config
from tejer.istiod.inject.template import INIT, Context, init_container, proxy_container, volumes
from tejer.istiod.model.workload import canonical_name, canonical_revision, workload_name
from tejer.kube.resource import Body, metadata

STATUS = "sidecar.istio.io/status"
TLS_MODE = "security.istio.io/tlsMode"
CANONICAL_NAME = "service.istio.io/canonical-name"
CANONICAL_REVISION = "service.istio.io/canonical-revision"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
DEFAULT_LOGS_CONTAINER = "kubectl.kubernetes.io/default-logs-container"
_KNOWN_TEMPLATES = ("sidecar", "gateway")


def inject(request: InjectRequest) -> list[JsonPatchOp] | None:
    """The patch, or None when the pod gets no sidecar. Raises ValueError when it asks for what can't be done."""
    injected = inject_pod(request)
    return None if injected is None else diff(request.pod, injected.pod)


def inject_pod(request: InjectRequest) -> Injected | None:
    """As `inject`, but the whole pod, and warnings for its author."""
    pod = request.pod
    if not decide(pod, request.namespace, request.config, request.namespace_labels).inject:
        return None
    annotations: Mapping[str, str] = metadata(pod).get("annotations") or {}
    if STATUS in annotations:  # the API server may call a webhook again; a second sidecar helps nobody
        return None
    warnings = check_annotations(annotations)
    template = _template(annotations)
    effective = proxy_config(request.config.mesh, annotations)
    context = _context(request, annotations, template, effective.config)
    return Injected(_apply(context, template), (*warnings, *effective.warnings))


def _template(annotations: Mapping[str, str]) -> str:
    names = [name.strip() for name in annotations.get(TEMPLATES, "sidecar").split(",") if name.strip()]
    if len(names) != 1 or names[0] not in _KNOWN_TEMPLATES:
        given = annotations.get(TEMPLATES, "")
        raise ValueError(f"annotation {TEMPLATES} is {given!r}: supported is one of {', '.join(_KNOWN_TEMPLATES)}")
    return names[0]


def _context(
    request: InjectRequest, annotations: Mapping[str, str], template: str, effective: Mapping[str, Any]
) -> Context:
    spec = request.pod.get("spec") or {}
    config = request.config
    applications = tuple(item for item in spec.get("containers") or () if item.get("name") != PROXY)
    context = Context(
        config=config,
        pod=request.pod,
        namespace=request.namespace,
        workload=workload_name(request.pod),
        owner=owner(request.pod, request.namespace),
        proxy_config=effective,
        annotations=annotations,
        app_containers=applications,
    )
    return context if template == "gateway" else _with_application(context)


def _with_application(context: Context) -> Context:
    """Add what the agent must know to probe and scrape the application."""
    from dataclasses import replace

    probers = ""
    if _rewrites_probes(context):
        probers = rewrite_probes(list(context.app_containers), context.status_port)[1]
    merges = context.config.mesh.get("enablePrometheusMerge", True) is not False
    _, scrape = merge_annotations(context.annotations, mesh_merges=merges, status_port=context.status_port)
    return replace(context, app_probers=probers, app_scrape=scrape)


def _rewrites_probes(context: Context) -> bool:
    default = context.config.value("sidecarInjectorWebhook.rewriteAppHTTPProbe", True)
    chosen = context.annotation("sidecar.istio.io/rewriteAppHTTPProbers", "", str(default))
    return context.status_port != 0 and chosen.lower() in ("true", "1", "t")


def _apply(context: Context, template: str) -> Body:
    spec = dict(context.pod.get("spec") or {})
    node_type = "router" if template == "gateway" else "sidecar"
    own: Body = next((item for item in spec.get("containers") or () if item.get("name") == PROXY), {})
    proxy = merge_container(proxy_container(context, node_type), own)
    applications = list(context.app_containers)
    if context.app_probers:
        applications, _ = rewrite_probes(applications, context.status_port)
    first = context.holds_application or not applications
    spec["containers"] = [proxy, *applications] if first else [*applications, proxy]
    inits = [item for item in spec.get("initContainers") or () if item.get("name") != INIT]
    if node_type == "sidecar" and context.captures:
        inits.insert(0, init_container(context))
    if inits:
        spec["initContainers"] = inits
    held = {volume.get("name") for volume in spec.get("volumes") or ()}
    added = [volume for volume in volumes(context) if volume["name"] not in held]
    spec["volumes"] = [*(spec.get("volumes") or ()), *added]
    if secrets := _pull_secrets(context):
        spec["imagePullSecrets"] = [*(spec.get("imagePullSecrets") or ()), *secrets]
    injected = [INIT] if node_type == "sidecar" and context.captures else []
    status = _status(context, injected, [str(volume["name"]) for volume in added], secrets)
    return {**context.pod, "metadata": _metadata(context, status, node_type), "spec": spec}


def _pull_secrets(context: Context) -> list[Body]:
    held = {secret.get("name") for secret in (context.pod.get("spec") or {}).get("imagePullSecrets") or ()}
    names = context.config.value("global.imagePullSecrets") or ()
    return [{"name": str(name)} for name in names if name not in held]


def _status(context: Context, inits: list[str], added: list[str], secrets: list[Body]) -> str:
    """The annotation `sidecar.istio.io/status`: what was added, for tools that look for or remove it."""
    status = {
        "initContainers": inits or None,
        "containers": [PROXY],
        "volumes": added,
        "imagePullSecrets": [secret["name"] for secret in secrets] or None,
        "revision": context.config.revision,
    }
    return json.dumps(status, separators=(",", ":"))


def _metadata(context: Context, status: str, node_type: str) -> Body:
    meta = dict(metadata(context.pod))
    labels = dict(meta.get("labels") or {})
    labels.setdefault(TLS_MODE, "istio")
    labels.setdefault(CANONICAL_NAME, canonical_name(labels, context.workload)[:63])
    labels.setdefault(CANONICAL_REVISION, canonical_revision(labels))
    if node_type == "router":
        labels.setdefault("sidecar.istio.io/inject", "true")
    merges = context.config.mesh.get("enablePrometheusMerge", True) is not False and context.status_port != 0
    annotations, _ = merge_annotations(context.annotations, mesh_merges=merges, status_port=context.status_port)
    annotations.setdefault(REVISION, context.config.revision)
    if context.app_containers:
        name = str(context.app_containers[0].get("name"))
        annotations.setdefault(DEFAULT_CONTAINER, name)
        annotations.setdefault(DEFAULT_LOGS_CONTAINER, name)
    for name, value in context.config.injected_annotations.items():
        annotations.setdefault(name, value)
    annotations[STATUS] = status
    return {**meta, "labels": labels, "annotations": annotations}


def owner(pod: Body, namespace: str) -> str:
    """`kubernetes://apis/apps/v1/namespaces/ns/deployments/name`; "" for a pod that nothing owns."""
    owners = [item for item in metadata(pod).get("ownerReferences") or () if item.get("controller")]
    if not owners:
        return ""
    kind, api = str(owners[0].get("kind", "")), str(owners[0].get("apiVersion", "v1"))
    if kind == "ReplicaSet":
        kind = "Deployment"
    name = workload_name(pod) if kind == "Deployment" else str(owners[0].get("name", ""))
    return f"kubernetes://apis/{api}/namespaces/{namespace}/{kind.lower()}s/{name}"
