"""Role `pod`: a target for each declared port of each container, one without a port where a container has none. Pure.

Source: prometheus/discovery/kubernetes/pod.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.kube.resource import Body, metadata, name_of, namespace_of
from tejer.observe.metrics.scrape.discovery.kubelabels import META, join_address, node_labels, object_labels
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup


def pod_group(pod: Body, node: Body | None = None) -> TargetGroup:
    """`node` is given where its metadata is to be attached."""
    labels = {META + "namespace": namespace_of(pod), **pod_labels(pod), **(node_labels(node) if node else {})}
    return TargetGroup(f"pod/{namespace_of(pod)}/{name_of(pod)}", tuple(_targets(pod)), labels)


def pod_labels(pod: Body) -> dict[str, str]:
    """What every target of the pod gets, also those that an endpoint leads to."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    ready = [one.get("status", "") for one in status.get("conditions") or () if one.get("type") == "Ready"]
    labels = {
        META + "pod_name": name_of(pod),
        META + "pod_ip": str(status.get("podIP", "")),
        META + "pod_ready": str(ready[0]).lower() if ready else "unknown",
        META + "pod_phase": str(status.get("phase", "")),
        META + "pod_node_name": str(spec.get("nodeName", "")),
        META + "pod_host_ip": str(status.get("hostIP", "")),
        META + "pod_uid": str(metadata(pod).get("uid", "")),
        **object_labels(pod, "pod"),
    }
    for owner in metadata(pod).get("ownerReferences") or ():
        if owner.get("controller"):
            labels[META + "pod_controller_kind"] = str(owner.get("kind", ""))
            labels[META + "pod_controller_name"] = str(owner.get("name", ""))
    return labels


def containers(pod: Body) -> Iterator[tuple[Body, bool]]:
    """(container, whether it is an init container)."""
    spec = pod.get("spec") or {}
    for container in spec.get("containers") or ():
        yield container, False
    for container in spec.get("initContainers") or ():
        yield container, True


def container_labels(pod: Body, container: Body, port: Body | None, *, init: bool) -> dict[str, str]:
    status = pod.get("status") or {}
    states = status.get("initContainerStatuses" if init else "containerStatuses") or ()
    ids = [str(state.get("containerID", "")) for state in states if state.get("name") == container.get("name")]
    labels = {
        META + "pod_container_name": str(container.get("name", "")),
        META + "pod_container_id": ids[0] if ids else "",
        META + "pod_container_image": str(container.get("image", "")),
        META + "pod_container_init": "true" if init else "false",
    }
    if port is not None:
        labels[META + "pod_container_port_name"] = str(port.get("name", ""))
        labels[META + "pod_container_port_number"] = str(port.get("containerPort", ""))
        labels[META + "pod_container_port_protocol"] = str(port.get("protocol") or "TCP")
    return labels


def _targets(pod: Body) -> Iterator[dict[str, str]]:
    address = str((pod.get("status") or {}).get("podIP", ""))
    if not address:
        return
    for container, init in containers(pod):
        for port in container.get("ports") or (None,):
            where = address if port is None else join_address(address, port.get("containerPort"))
            yield {ADDRESS: where, **container_labels(pod, container, port, init=init)}
