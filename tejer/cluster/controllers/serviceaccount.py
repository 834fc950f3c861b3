"""What every namespace gets: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.

Source: kube-controller-manager `pkg/controller/serviceaccount` and `pkg/controller/certificates/rootcacertpublisher`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Create, Patch, Write
from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS, ResourceType

_ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def _keys_for(rtype: ResourceType, name: str) -> Callable[[World, Change], Iterable[Key]]:
    """Every namespace, and the namespace of our object when that changes."""

    def keys(world: World, change: Change) -> Iterable[Key]:
        if (change.key.group, change.key.resource) == (NAMESPACES.group, NAMESPACES.plural):
            return [change.key]
        if (change.key.group, change.key.resource, change.key.name) == (rtype.group, rtype.plural, name):
            return [NAMESPACES.key("", change.key.namespace)]
        return []

    return keys


def _is_active(namespace: Body | None) -> bool:
    return namespace is not None and not metadata(namespace).get("deletionTimestamp")


def reconcile_accounts(world: World, key: Key, now: datetime) -> list[Write]:
    if not _is_active(world.get(key)) or world.get(SERVICEACCOUNTS.key(key.name, "default")) is not None:
        return []
    meta = {"name": "default", "namespace": key.name}
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    return [Create(rtype=SERVICEACCOUNTS, body=body, ignore_conflict=True)]


def root_ca_controller(ca_pem: str) -> Controller:
    """Publishes `ca_pem`, the certificate of the authority behind the API server's."""

    def reconcile(world: World, key: Key, now: datetime) -> list[Write]:
        if not _is_active(world.get(key)):
            return []
        current = world.get(CONFIGMAPS.key(key.name, _ROOT_CA))
        data = {"ca.crt": ca_pem}
        if current is not None:
            if current.get("data") == data:
                return []
            return [Patch(rtype=CONFIGMAPS, key=CONFIGMAPS.key_of(current), patch={"data": data})]
        meta = {
            "name": _ROOT_CA,
            "namespace": key.name,
            "annotations": {"kubernetes.io/description": _DESCRIPTION},
        }
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        return [Create(rtype=CONFIGMAPS, body=body)]

    return Controller(name="root-ca-cert-publisher", keys=_keys_for(CONFIGMAPS, _ROOT_CA), reconcile=reconcile)


CONTROLLER = Controller(
    name="service-account-controller", keys=_keys_for(SERVICEACCOUNTS, "default"), reconcile=reconcile_accounts
)
