"""Injection of whole objects, as `kube-inject` does it: into the pod template of a Deployment, Job, CronJob, ..."""

from __future__ import annotations

from typing import Any

from tejer.istiod.inject.config import InjectConfig, Injected, InjectRequest
from tejer.istiod.inject.inject import inject_pod
from tejer.kube.resource import Body, metadata, name_of, namespace_of

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def inject_object(body: Body, config: InjectConfig, namespace: str = "default") -> Injected | None:
    """The object with the sidecar in its pods; None when it has no pods or they get none.

    Namespaces' labels are not looked at: who runs kube-inject has chosen. Raises ValueError naming the object.
    """
    path = _TEMPLATES.get(str(body.get("kind")))
    if path is None:
        return None
    template: Any = body
    for step in path:
        template = template.get(step) if isinstance(template, dict) else None
    if not isinstance(template, dict):
        raise ValueError(f"{body.get('kind')} {name_of(body)} has no pod template at {'.'.join(path)}")
    request = InjectRequest(
        pod=_owned(template, body) if path else template, namespace=namespace_of(body) or namespace, config=config
    )
    try:
        injected = inject_pod(request)
    except ValueError as problem:
        raise ValueError(f"{body.get('kind')} {name_of(body)}: {problem}") from None
    if injected is None:
        return None
    pod = _disowned(injected.pod) if path else injected.pod
    return Injected(_placed(body, path, pod), injected.warnings)


def _owned(template: Body, body: Body) -> Body:
    """The template as a pod whose owner is `body`, so that it gets that workload's name."""
    reference = {"kind": body["kind"], "apiVersion": body.get("apiVersion"), "name": name_of(body), "controller": True}
    return {**template, "metadata": {**metadata(template), "ownerReferences": [reference]}}


def _disowned(pod: Body) -> Body:
    meta = {name: value for name, value in metadata(pod).items() if name != "ownerReferences"}
    return {**pod, "metadata": meta}


def _placed(body: Body, path: tuple[str, ...], template: Body) -> Body:
    if not path:
        return template
    return {**body, path[0]: _placed(body[path[0]], path[1:], template)}
