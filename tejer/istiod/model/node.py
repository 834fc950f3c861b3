"""`ProxyNode`: who is asking, parsed from the xDS node (Istio's pkg/model/proxy.go).

The id is `<type>~<ip>~<pod>.<namespace>~<namespace>.svc.<domain>`; the rest is in the metadata that the agent puts in
the bootstrap, under the same keys as Istio's agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tejer.envoy.identity import PeerSubject
from tejer.istiod.model.workload import canonical_name, canonical_revision

SIDECAR = "sidecar"
ROUTER = "router"
NODE_TYPES = (SIDECAR, ROUTER, "waypoint", "ztunnel")


class ProxyNode(msgspec.Struct, frozen=True, kw_only=True):
    """A connected proxy. `key` (the node id) names it among the connected ones."""

    id: str
    type: str = SIDECAR
    address: str = ""
    name: str = ""
    namespace: str = ""
    domain: str = "cluster.local"
    labels: dict[str, str] = {}
    service_account: str = ""
    cluster: str = "Kubernetes"
    workload: str = ""
    version: str = ""
    unprivileged: bool = True

    @property
    def key(self) -> str:
        return self.id

    @property
    def subject(self) -> PeerSubject:
        """What this proxy's own metrics say about it."""
        return PeerSubject(
            workload=self.workload,
            namespace=self.namespace,
            app=self.labels.get("app", ""),
            version=self.labels.get("version", ""),
            canonical_name=canonical_name(self.labels, self.workload),
            canonical_revision=canonical_revision(self.labels),
            cluster=self.cluster,
        )


def parse_node(node_id: str, metadata: Mapping[str, Any]) -> ProxyNode:
    """Read an xDS node. Raises ValueError when the id is not one of Istio's four-part ids."""
    parts = node_id.split("~")
    if len(parts) != 4 or parts[0] not in NODE_TYPES:
        raise ValueError(f"node id {node_id!r} is not <type>~<ip>~<pod>.<namespace>~<domain>")
    node_type, address, full_name, dns_domain = parts
    name, _, namespace = full_name.rpartition(".")
    domain = dns_domain.partition(".svc.")[2] or "cluster.local"
    labels = metadata.get("LABELS")
    text = {key: str(metadata[key]) for key in _TEXT_KEYS if metadata.get(key)}
    return ProxyNode(
        id=node_id,
        type=node_type,
        address=address,
        name=text.get("NAME", name),
        namespace=text.get("NAMESPACE", namespace),
        domain=domain,
        labels=shared_labels(labels) if isinstance(labels, Mapping) else {},
        service_account=text.get("SERVICE_ACCOUNT", ""),
        cluster=text.get("CLUSTER_ID", "Kubernetes"),
        workload=text.get("WORKLOAD_NAME", ""),
        version=text.get("ISTIO_VERSION", ""),
        unprivileged=text.get("UNPRIVILEGED_POD", "true").lower() == "true",
    )


def shared_labels(labels: Mapping[str, Any]) -> dict[str, str]:
    """The labels without those that differ between revisions of one workload, so its proxies' views stay equal."""
    return {str(name): str(value) for name, value in labels.items() if name not in _PER_REVISION}


_PER_REVISION = ("pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name")
_TEXT_KEYS = (
    "NAME",
    "NAMESPACE",
    "SERVICE_ACCOUNT",
    "CLUSTER_ID",
    "WORKLOAD_NAME",
    "ISTIO_VERSION",
    "UNPRIVILEGED_POD",
)
