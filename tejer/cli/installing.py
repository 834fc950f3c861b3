"""Applies an installation to a cluster: stage by stage, each waited for. Shared by `install` and `up`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from tejer.istiod.install.manifests import Stage, stages
from tejer.istiod.install.options import InstallOptions
from tejer.kube.api import APPLY_PATCH, Api, ApiError
from tejer.kube.resource import Body, name_of, namespace_of
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS, DEPLOYMENTS, PODS, find_type

MANAGER = "istio-operator"
"""The field manager istioctl applies with, so that either tool can take over from the other."""
POLL = 0.05


async def install_mesh(api: Api, options: InstallOptions, *, done: Callable[[str], None], seconds: float = 300) -> None:
    """Apply everything and wait until it is ready; `done` gets one line per stage.

    Raises ApiError when the server refuses an object, TimeoutError naming what did not become ready and why.
    """
    deadline = time.monotonic() + seconds
    for stage in stages(options):
        await apply_bodies(api, stage.bodies)
        await wait_ready(api, stage, deadline)
        done(stage.done)


async def apply_bodies(api: Api, bodies: Sequence[Body], *, dry_run: bool = False) -> None:
    """Server-side apply, in order."""
    for body in bodies:
        rtype = find_type(body["apiVersion"], body["kind"])
        assert rtype is not None, body["kind"]
        try:
            await api.patch(
                rtype, name_of(body), namespace_of(body), body, content_type=APPLY_PATCH, field_manager=MANAGER,
                force=True, dry_run=dry_run,
            )  # fmt: skip
        except ApiError as error:
            message = f"{body['kind']} {name_of(body)}: {error.message}"
            raise ApiError(error.code, error.reason, message, error.details) from error


async def wait_ready(api: Api, stage: Stage, deadline: float) -> None:
    """Until the stage's CRDs are established and its Deployments available."""
    for body in stage.bodies:
        if body["kind"] == "CustomResourceDefinition":
            await _until(api, body, CUSTOMRESOURCEDEFINITIONS, _established, deadline)
        elif body["kind"] == "Deployment":
            await _until(api, body, DEPLOYMENTS, available, deadline)


async def _until(api: Api, body: Body, rtype: Any, ready: Callable[[Body], bool], deadline: float) -> None:
    while not ready(await api.get(rtype, name_of(body), namespace_of(body))):
        if time.monotonic() > deadline:
            reasons = await why_not_ready(api, body) if body["kind"] == "Deployment" else []
            detail = "".join(f"\n  {reason}" for reason in reasons)
            raise TimeoutError(f"{body['kind']} {name_of(body)} did not become ready in time{detail}")
        await asyncio.sleep(POLL)


def _established(crd: Body) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(item.get("type") == "Established" and item.get("status") == "True" for item in conditions)


def available(deployment: Body) -> bool:
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    current: bool = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return current and min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)) >= int(wanted)


async def why_not_ready(api: Api, deployment: Body) -> list[str]:
    """One line per pod of the Deployment that is not ready: its phase and what its containers wait for."""
    labels = deployment["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = (await api.list(PODS, namespace_of(deployment), label_selector=selector)).items
    lines = [line for pod in pods for line in _pod_reasons(pod)]
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    lines += [str(item["message"]) for item in conditions if item.get("status") != "True" and item.get("message")]
    return lines or ["no pod was created: see `kubectl get events` in the namespace"]


def _pod_reasons(pod: Body) -> list[str]:
    status = pod.get("status") or {}
    lines = []
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        state = container.get("state") or {}
        waiting = state.get("waiting") or state.get("terminated")
        if waiting and waiting.get("reason") != "Completed":
            text = " ".join(str(waiting[key]) for key in ("reason", "message") if waiting.get(key))
            lines.append(f"pod {name_of(pod)}, container {container['name']}: {text}")
        elif "running" in state and not container.get("ready"):
            lines.append(f"pod {name_of(pod)}, container {container['name']}: running, not ready (see its logs)")
    return (
        lines or [f"pod {name_of(pod)}: {status.get('phase', 'Pending')}"]
        if status.get("phase") != "Running"
        else lines
    )
