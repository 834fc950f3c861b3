"""Which mutual TLS mode a pod's policies give it, by the control plane's own model."""

from __future__ import annotations

from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.istiod.model.authn import PeerModes, peer_modes
from tejer.istiod.model.config import Config
from tejer.kube.kinds.istio_security import PeerAuthenticationSpec
from tejer.kube.resource import metadata
from tejer.kube.types import PEERAUTHENTICATIONS


def root_namespace(view: View) -> str:
    return view.mesh.root_namespace or view.settings.istio_namespace


def modes_of(pod: Item, view: View) -> PeerModes:
    """The modes of a pod's ports."""
    root = root_namespace(view)
    return peer_modes(
        [_config(item) for item in view.within(PEERAUTHENTICATIONS, root)],
        [_config(item) for item in view.within(PEERAUTHENTICATIONS, pod.namespace)],
        pod.labels, in_root=pod.namespace == root,
    )  # fmt: skip


def _config(item: Item) -> Config[PeerAuthenticationSpec]:
    created = str(metadata(item.body).get("creationTimestamp") or "")
    return Config(key=item.key, kind=item.kind, created=created, spec=item.value.spec)
