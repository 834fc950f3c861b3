"""The Node object and its heartbeat Lease.

Source: kubernetes.io/docs/reference/node/node-status; the lease as the kubelet keeps it, every 10 s for 40 s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from tejer.cluster.runtime.events import timestamp
from tejer.cluster.runtime.node import Node
from tejer.kube.api import ApiError
from tejer.kube.resource import Body
from tejer.kube.types import LEASES, NODES

log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS, _LEASE_SECONDS, _STATUS_SECONDS = 10.0, 40, 300.0
_LEASE_NAMESPACE = "kube-node-lease"
_VERSION = "v1.33.0"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PODS = 250


def node_labels(name: str) -> dict[str, str]:
    architecture = _ARCHITECTURES.get(os.uname().machine, os.uname().machine)
    return {
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture,
        "node-role.kubernetes.io/control-plane": "",
    }  # fmt: skip


def node_body(node: Node, now: float) -> Body:
    name, system = node.config.node_name, os.uname()
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": node_labels(name)},
        "spec": {"podCIDR": node.config.pod_cidr, "podCIDRs": [node.config.pod_cidr]},
        "status": node_status(node, now, _os_name(), system.release),
    }  # fmt: skip


def node_status(node: Node, now: float, os_image: str, kernel: str) -> Body:
    at = timestamp(now)
    amounts = {"cpu": str(node.host.cpus), "memory": f"{node.host.memory // 1024}Ki", "pods": str(_PODS)}

    def condition(kind: str, value: str, reason: str, message: str) -> Body:
        return {"type": kind, "status": value, "reason": reason, "message": message, "lastHeartbeatTime": at,
                "lastTransitionTime": at}  # fmt: skip

    return {
        "capacity": amounts, "allocatable": amounts,
        "addresses": [
            {"type": "InternalIP", "address": node.config.gateway_ip},
            {"type": "Hostname", "address": node.config.node_name},
        ],
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "enough memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "kubeletVersion": _VERSION, "kubeProxyVersion": _VERSION, "operatingSystem": "linux",
            "architecture": node_labels("")["kubernetes.io/arch"], "osImage": os_image, "kernelVersion": kernel,
            "containerRuntimeVersion": "tejer://0.1.0", "machineID": _read("/etc/machine-id"),
            "systemUUID": "", "bootID": _read("/proc/sys/kernel/random/boot_id"),
        },
    }  # fmt: skip


async def keep_registered(node: Node) -> None:
    """Create the Node, keep its status and lease fresh, until cancelled."""
    next_status = 0.0
    while True:
        try:
            if time.monotonic() >= next_status:
                await _register(node)
                next_status = time.monotonic() + _STATUS_SECONDS
            await _renew_lease(node)
        except ApiError as error:
            log.warning("node heartbeat: %s", error.message)
        except OSError as error:
            log.warning("node heartbeat: %s", error)
        await asyncio.sleep(_HEARTBEAT_SECONDS)


async def _register(node: Node) -> None:
    body = node_body(node, time.time())
    try:
        await node.api.create(NODES, body)
    except ApiError as error:
        if error.code != 409:
            raise
    await node.api.patch(NODES, node.config.node_name, "", {"status": body["status"]}, subresource="status")


async def _renew_lease(node: Node) -> None:
    name = node.config.node_name
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    try:
        await node.api.patch(LEASES, name, _LEASE_NAMESPACE, {"spec": {"renewTime": now}})
    except ApiError as error:
        if error.code != 404:
            raise
        spec = {"holderIdentity": name, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": now}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": name, "namespace": _LEASE_NAMESPACE}, "spec": spec}  # fmt: skip
        await node.api.create(LEASES, body, _LEASE_NAMESPACE)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _os_name() -> str:
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"
