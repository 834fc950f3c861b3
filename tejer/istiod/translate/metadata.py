"""Metadata on Envoy objects: Istio's `istio` namespace for istioctl and Kiali, `tejer` for our metric labels."""

from __future__ import annotations

from typing import Any

from tejer.envoy.identity import PeerSubject
from tejer.envoy.proto import Metadata, struct

ISTIO = "istio"
PEER = "tejer"
TLS_MODE = "envoy.transport_socket_match"


def metadata(**namespaces: dict[str, Any]) -> Metadata | None:
    """Metadata of those namespaces that say something; None when none does."""
    given = {name: struct(value) for name, value in namespaces.items() if value}
    return Metadata(filter_metadata=given) if given else None


def config_metadata(path: str) -> Metadata | None:
    """`istio.config`: which object a route or filter chain comes from."""
    return metadata(istio={"config": path}) if path else None


def cluster_metadata(
    host: str, name: str, namespace: str, *, path: str = "", subset: str = "", external: bool = False
) -> Metadata | None:
    """`services` is Istio's; the flat keys repeat it because format strings cannot reach into a list."""
    istio: dict[str, Any] = {"services": [{"host": host, "name": name, "namespace": namespace}]} if host else {}
    istio |= {"config": path} if path else {}
    istio |= {"subset": subset} if subset else {}
    istio |= {"external": True} if external else {}
    flat = {"host": host, "name": name, "namespace": namespace}
    return metadata(istio=istio, tejer={key: value for key, value in flat.items() if value})


def endpoint_metadata(subject: PeerSubject, *, tls: bool) -> Metadata | None:
    peer = {
        "workload": subject.workload,
        "namespace": subject.namespace,
        "app": subject.app,
        "version": subject.version,
        "canonical_name": subject.canonical_name,
        "canonical_revision": subject.canonical_revision,
        "cluster": subject.cluster,
    }
    parts = ("workload", "namespace", "canonical_name", "canonical_revision", "cluster")
    encoded = ";".join(peer[part] for part in parts) if subject.workload else ""
    spaces: dict[str, dict[str, Any]] = {
        ISTIO: {"workload": encoded} if encoded else {},
        PEER: {key: value for key, value in peer.items() if value},
        TLS_MODE: {"tlsMode": "istio"} if tls else {},
    }
    given = {name: struct(value) for name, value in spaces.items() if value}
    return Metadata(filter_metadata=given) if given else None
