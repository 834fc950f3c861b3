"""The scheduler of a cluster of one node: every pod that may run here is bound here.

Source: kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node. Resource requests don't count: there is nowhere
else to go, and what runs here are local processes.
"""

from __future__ import annotations

import logging
import time

from tejer.cluster.runtime.events import timestamp
from tejer.cluster.runtime.node import Node
from tejer.cluster.runtime.registration import node_labels
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata
from tejer.kube.types import PODS

log = logging.getLogger(__name__)


def refusal(pod: Body, labels: dict[str, str], node_name: str) -> str:
    """Why the pod can't be on the node, "" when it can. Pure."""
    spec = pod.get("spec") or {}
    if spec.get("schedulerName", "default-scheduler") != "default-scheduler":
        return ""
    unmet = [key for key, value in (spec.get("nodeSelector") or {}).items() if labels.get(key) != value]
    if unmet:
        return (
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
            f"Node {node_name} has no label {unmet[0]}={spec['nodeSelector'][unmet[0]]}."
        )
    return ""


async def schedule(node: Node, pod: Body) -> None:
    """Bind the pod, or say why not. A pod with scheduling gates waits without a word."""
    if (pod.get("spec") or {}).get("schedulingGates"):
        return
    meta = metadata(pod)
    name, namespace = str(meta.get("name", "")), str(meta.get("namespace", ""))
    try:
        why = refusal(pod, node_labels(node.config.node_name), node.config.node_name)
        if why:
            await _unschedulable(node, pod, why)
            return
        await node.api.create(
            PODS,
            {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace,
                                                                    "uid": meta.get("uid", "")},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node.config.node_name},
            },
            namespace, subresource="binding", name=name,
        )  # fmt: skip
    except ApiError as error:
        if error.code not in {404, 409}:
            log.warning("binding pod %s/%s: %s", namespace, name, error.message)
        return
    message = f"Successfully assigned {namespace}/{name} to {node.config.node_name}"
    node.events.normal(pod, "Scheduled", message, component="default-scheduler")


async def _unschedulable(node: Node, pod: Body, why: str) -> None:
    old = {c.get("type"): c for c in (pod.get("status") or {}).get("conditions") or []}
    if old.get("PodScheduled", {}).get("message") == why:
        return
    meta = metadata(pod)
    condition = {
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why,
        "lastProbeTime": None, "lastTransitionTime": timestamp(time.time()),
    }  # fmt: skip
    rest = [each for kind, each in old.items() if kind != "PodScheduled"]
    patch = {"metadata": {"uid": meta.get("uid")}, "status": {"conditions": [*rest, condition]}}
    await node.api.patch(PODS, str(meta["name"]), str(meta["namespace"]), patch, subresource="status")
    node.events.warning(pod, "FailedScheduling", why, component="default-scheduler")
