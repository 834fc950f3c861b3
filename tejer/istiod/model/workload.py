"""What the mesh knows of a workload: its name, canonical service, identity, and whether it has a sidecar.

Sources: Istio's pkg/kube/inject (deployment name from a ReplicaSet or Job owner), pkg/kube/labels (canonical service).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tejer.envoy.identity import PeerSubject
from tejer.kube.resource import Body, Key, metadata

TLS_MODE_LABEL = "security.istio.io/tlsMode"
LOCALITY_LABEL = "topology.istio.io/locality"
CANONICAL_NAME_LABELS = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
CANONICAL_REVISION_LABELS = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
DEFAULT_CLUSTER = "Kubernetes"


class Locality(msgspec.Struct, frozen=True):
    """Where a workload runs: `region/zone/subzone`, each "" when unknown."""

    region: str = ""
    zone: str = ""
    subzone: str = ""


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """One pod or WorkloadEntry. `ports` are its named container ports. `account` is the ServiceAccount's name."""

    key: Key
    address: str
    labels: dict[str, str] = {}
    subject: PeerSubject = PeerSubject()
    account: str = ""
    tls: bool = False
    locality: Locality = Locality()
    ports: dict[str, int] = {}
    weight: int = 0
    node: str = ""

    @property
    def namespace(self) -> str:
        return self.key.namespace


def canonical_name(labels: Mapping[str, str], workload: str) -> str:
    return next((labels[label] for label in CANONICAL_NAME_LABELS if labels.get(label)), workload)


def canonical_revision(labels: Mapping[str, str]) -> str:
    return next((labels[label] for label in CANONICAL_REVISION_LABELS if labels.get(label)), "latest")


def spiffe_id(trust_domain: str, namespace: str, account: str) -> str:
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{account}"


def parse_locality(text: str) -> Locality:
    """`region/zone/subzone`; the label form has dots instead of slashes."""
    separator = "/" if "/" in text else "."
    parts = [*text.split(separator, 2), "", ""][:3]
    return Locality(*parts)


def workload_name(pod: Body) -> str:
    """The Deployment, StatefulSet, Job, ... that a pod belongs to, else the pod's own name."""
    meta = metadata(pod)
    owners = [o for o in meta.get("ownerReferences") or () if o.get("controller")]
    if not owners:
        return str(meta.get("name") or meta.get("generateName", "").rstrip("-"))
    owner, name = owners[0], str(owners[0].get("name", ""))
    if owner.get("kind") == "ReplicaSet":
        template_hash = str((meta.get("labels") or {}).get("pod-template-hash", ""))
        if template_hash and name.endswith("-" + template_hash):
            return name[: -len(template_hash) - 1]
    if owner.get("kind") == "Job":
        base, _, stamp = name.rpartition("-")
        if base and stamp.isdigit() and len(stamp) >= 8:  # a CronJob's Job carries the time it was due
            return base
    return name


def pod_subject(pod: Body, cluster: str = DEFAULT_CLUSTER) -> PeerSubject:
    """What a pod's certificate and its peers' metrics say about it."""
    meta = metadata(pod)
    labels: dict[str, str] = meta.get("labels") or {}
    name = workload_name(pod)
    return PeerSubject(
        workload=name,
        namespace=str(meta.get("namespace", "")),
        app=labels.get("app", ""),
        version=labels.get("version", ""),
        canonical_name=canonical_name(labels, name),
        canonical_revision=canonical_revision(labels),
        cluster=cluster,
    )


def pod_workload(key: Key, pod: Body) -> Workload | None:
    """The workload of a running pod; None while it has no address of its own, or when it has finished."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    address = str(status.get("podIP") or "")
    if not address or spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    labels: dict[str, str] = metadata(pod).get("labels") or {}
    ports = {
        str(port["name"]): int(port["containerPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("name")
    }
    return Workload(
        key=key,
        address=address,
        labels=labels,
        subject=pod_subject(pod),
        account=str(spec.get("serviceAccountName") or "default"),
        tls=labels.get(TLS_MODE_LABEL) == "istio",
        locality=parse_locality(labels.get(LOCALITY_LABEL, "")),
        ports=ports,
        node=str(spec.get("nodeName") or ""),
    )
