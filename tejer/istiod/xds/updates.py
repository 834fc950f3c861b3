"""Changes of objects in the words of istiod's metrics: what came in, and why proxies were pushed to.

Source: Istio's pilot/pkg/model/push_context.go (TriggerReason), pilot/pkg/xds/monitoring.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import ProxyNode
from tejer.kube.resource import Change
from tejer.kube.types import ISTIO_TYPES

_KINDS = {(rtype.group, rtype.plural): rtype.kind for rtype in ISTIO_TYPES}
_REGISTRY = {"services": "Services", "endpointslices": "EndpointSlice", "pods": "Pods", "nodes": "Nodes"}
_CAUSES = {
    "services": "service", "serviceentries": "service", "endpointslices": "endpoint", "pods": "endpoint",
    "workloadentries": "endpoint", "nodes": "endpoint", "secrets": "secret", "configmaps": "global",
}  # fmt: skip
"""By plural; everything else is "config"."""


def count_updates(metrics: Metrics, changes: Iterable[Change]) -> None:
    for change in changes:
        plural = change.key.resource
        event = "add" if change.old is None else "delete" if change.new is None else "update"
        metrics.inbound.add(_kind_of_update(plural, event))
        if (kind := _KINDS.get((change.key.group, plural))) is not None:
            metrics.config_events.add(kind, event)
        elif plural in _REGISTRY:
            metrics.registry_events.add(_REGISTRY[plural], event)


def causes(changes: Sequence[Change], arrived: Sequence[ProxyNode]) -> set[str]:
    """Each cause of one turn of the mesh's owner counts once, however many objects were behind it."""
    found = {_CAUSES.get(change.key.resource, "config") for change in changes}
    return found | {"proxy"} if arrived else found


def _kind_of_update(plural: str, event: str) -> str:
    if plural == "services":
        return "svcdelete" if event == "delete" else "svc"
    return "eds" if plural in ("endpointslices", "pods") else "config"
