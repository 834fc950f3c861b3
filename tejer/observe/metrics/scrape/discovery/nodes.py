"""Role `node`: each node at its kubelet's port. Pure. Source: prometheus/discovery/kubernetes/node.go."""

from __future__ import annotations

from tejer.kube.resource import Body, name_of
from tejer.observe.metrics.scrape.discovery.kubelabels import META, join_address, node_labels
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup

_PREFERRED = ("InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname")
_KUBELET = 10250


def node_group(node: Body) -> TargetGroup:
    """A node without any address gives no target."""
    status = node.get("status") or {}
    addresses: dict[str, str] = {}
    for one in status.get("addresses") or ():
        addresses.setdefault(str(one.get("type", "")), str(one.get("address", "")))
    labels = {
        **node_labels(node),
        META + "node_provider_id": str((node.get("spec") or {}).get("providerID", "")),
        **{f"{META}node_address_{kind}": address for kind, address in addresses.items()},
    }
    source = f"node/{name_of(node)}"
    found = next((addresses[kind] for kind in _PREFERRED if kind in addresses), "")
    if not found:
        return TargetGroup(source, (), labels)
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or _KUBELET
    return TargetGroup(source, ({ADDRESS: join_address(found, port), "instance": name_of(node)},), labels)
