"""Roles `endpoints` and `endpointslice`: what stands behind each Service, with its pods. Pure.

Besides the endpoints themselves, each other declared port of their pods is a target too, as in Prometheus.
Source: prometheus/discovery/kubernetes/{endpoints,endpointslice}.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tejer.kube.resource import Body, Key, metadata, name_of, namespace_of
from tejer.kube.types import NODES, PODS, SERVICES
from tejer.observe.metrics.scrape.discovery.kubelabels import (
    META,
    join_address,
    node_labels,
    object_labels,
    service_labels,
)  # fmt: skip
from tejer.observe.metrics.scrape.discovery.pods import container_labels, containers, pod_labels
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup

_SERVICE_NAME = "kubernetes.io/service-name"


class Around(NamedTuple):
    """The other objects of the cluster, of which endpoints get labels; `nodes` only where they are to be attached."""

    pods: Mapping[Key, Body]
    services: Mapping[Key, Body]
    nodes: Mapping[Key, Body]


class _Found(NamedTuple):
    """One address at one port, as either kind of object has it."""

    address: str
    port: Body
    reference: Body
    node_name: str
    labels: dict[str, str]


def endpoints_group(endpoints: Body, around: Around) -> TargetGroup:
    namespace, name = namespace_of(endpoints), name_of(endpoints)
    labels = {
        META + "namespace": namespace, META + "endpoints_name": name, **object_labels(endpoints, "endpoints"),
        **_of_service(around, namespace, name),
    }  # fmt: skip
    targets = tuple(_with_pods(list(_in_subsets(endpoints)), namespace, around))
    return TargetGroup(f"endpoints/{namespace}/{name}", targets, labels)


def endpointslice_group(piece: Body, around: Around) -> TargetGroup:
    namespace, name = namespace_of(piece), name_of(piece)
    service = str((metadata(piece).get("labels") or {}).get(_SERVICE_NAME, ""))
    labels = {
        META + "namespace": namespace, META + "endpointslice_name": name,
        META + "endpointslice_address_type": str(piece.get("addressType", "")),
        **object_labels(piece, "endpointslice"),
        **_of_service(around, namespace, service),
    }  # fmt: skip
    targets = tuple(_with_pods(list(_in_slice(piece)), namespace, around))
    return TargetGroup(f"endpointslice/{namespace}/{name}", targets, labels)


def _of_service(around: Around, namespace: str, name: str) -> dict[str, str]:
    service = around.services.get(SERVICES.key(namespace, name))
    return service_labels(service) if service else {}


def _in_subsets(endpoints: Body) -> Iterator[_Found]:
    for subset in endpoints.get("subsets") or ():
        for ready, field in (("true", "addresses"), ("false", "notReadyAddresses")):
            for port in subset.get("ports") or ():
                for one in subset.get(field) or ():
                    labels = {
                        META + "endpoint_port_name": str(port.get("name", "")),
                        META + "endpoint_port_protocol": str(port.get("protocol") or "TCP"),
                        META + "endpoint_ready": ready,
                    }
                    if one.get("hostname"):
                        labels[META + "endpoint_hostname"] = str(one["hostname"])
                    yield _found("endpoint", str(one.get("ip", "")), port, one, labels)


def _in_slice(piece: Body) -> Iterator[_Found]:
    part = "endpointslice_endpoint"
    for port in piece.get("ports") or ():
        for one in piece.get("endpoints") or ():
            conditions = one.get("conditions") or {}
            labels = {
                META + "endpointslice_port_name": str(port.get("name") or ""),
                META + "endpointslice_port_protocol": str(port.get("protocol") or "TCP"),
                META + "endpointslice_port": str(port.get("port", "")),
                **{
                    f"{META}{part}_conditions_{name}": str(conditions[name]).lower()
                    for name in ("ready", "serving", "terminating")
                    if conditions.get(name) is not None
                },
            }
            if port.get("appProtocol"):
                labels[META + "endpointslice_port_app_protocol"] = str(port["appProtocol"])
            for field, name in (("hostname", "hostname"), ("zone", "zone")):
                if one.get(field):
                    labels[f"{META}{part}_{name}"] = str(one[field])
            for address in one.get("addresses") or ():
                yield _found(part, str(address), port, one, labels, joined="endpointslice_address")


def _found(
    part: str, address: str, port: Body, endpoint: Body, labels: dict[str, str], joined: str = "endpoint_address"
) -> _Found:
    reference = endpoint.get("targetRef") or {}
    node_name = str(endpoint.get("nodeName") or "")
    more = {META + f"{part}_node_name": node_name} if node_name else {}
    if reference:
        more[f"{META}{joined}_target_kind"] = str(reference.get("kind", ""))
        more[f"{META}{joined}_target_name"] = str(reference.get("name", ""))
    return _Found(address, port, reference, node_name, {**labels, **more})


def _with_pods(found: list[_Found], namespace: str, around: Around) -> Iterator[dict[str, str]]:
    """The targets of `found` with their pods' labels, then the pods' other ports."""
    served: dict[Key, set[int]] = {}
    for one in found:
        target = {ADDRESS: join_address(one.address, one.port.get("port")), **one.labels}
        target |= _of_node(around, one.node_name)
        key, pod = _pod(one, namespace, around)
        if pod is not None:
            target |= pod_labels(pod)
            number = one.port.get("port")
            for container, init in containers(pod):
                for port in container.get("ports") or ():
                    if port.get("containerPort") == number:
                        target |= container_labels(pod, container, port, init=init)
                        served.setdefault(key, set()).add(int(number or 0))
            served.setdefault(key, set())
        yield target
    for key, numbers in served.items():
        pod = around.pods[key]
        address = str((pod.get("status") or {}).get("podIP", ""))
        for container, init in containers(pod):
            for port in container.get("ports") or ():
                if address and port.get("containerPort") not in numbers:
                    yield {
                        ADDRESS: join_address(address, port.get("containerPort")),
                        **container_labels(pod, container, port, init=init),
                        **pod_labels(pod),
                    }


def _pod(one: _Found, namespace: str, around: Around) -> tuple[Key, Body | None]:
    key = PODS.key(str(one.reference.get("namespace") or namespace), str(one.reference.get("name", "")))
    return key, around.pods.get(key) if one.reference.get("kind") == "Pod" else None


def _of_node(around: Around, name: str) -> dict[str, str]:
    node = around.nodes.get(NODES.key("", name))
    return node_labels(node) if node else {}
