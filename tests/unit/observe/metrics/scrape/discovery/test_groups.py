from __future__ import annotations

from typing import Any

import msgspec

from tejer.kube.resource import Body
from tejer.kube.types import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from tejer.observe.metrics.config import KubernetesDiscovery
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.discovery.kubernetes import Ask, Stores, asks_of, groups_of
from tejer.observe.metrics.scrape.target import ADDRESS, TargetGroup

META = "__meta_kubernetes_"

POD: Body = {
    "metadata": {
        "name": "api-1", "namespace": "shop", "uid": "u1", "labels": {"app.kubernetes.io/name": "api"},
        "annotations": {"prometheus.io/port": "15020"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "api", "controller": True}],
    },
    "spec": {
        "nodeName": "n1",
        "containers": [
            {
                "name": "app", "image": "api:v1",
                "ports": [{"name": "http", "containerPort": 8000}, {"containerPort": 9}],
            },
            {"name": "plain", "image": "p"},
        ],
        "initContainers": [{"name": "init", "image": "i"}],
    },
    "status": {
        "podIP": "10.0.0.5", "hostIP": "192.168.0.1", "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "app", "containerID": "tejer://c1"}],
    },
}  # fmt: skip
SERVICE: Body = {
    "metadata": {"name": "api", "namespace": "shop", "annotations": {"prometheus.io/scrape": "true"}},
    "spec": {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80}]},
}
NODE: Body = {
    "metadata": {"name": "n1", "labels": {"zone": "a"}},
    "spec": {"providerID": "local://n1"},
    "status": {
        "addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "fd00::1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
    },
}
REFERENCE = {"kind": "Pod", "name": "api-1", "namespace": "shop"}
SLICE: Body = {
    "metadata": {"name": "api-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "api"}},
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 8000, "protocol": "TCP", "appProtocol": "http"}],
    "endpoints": [
        {
            "addresses": ["10.0.0.5"], "conditions": {"ready": True, "serving": True}, "nodeName": "n1", "zone": "z",
            "targetRef": REFERENCE,
        },
        {"addresses": ["10.0.0.6"], "conditions": {"ready": False}},
    ],
}  # fmt: skip
ENDPOINT: Body = {
    "metadata": {"name": "api", "namespace": "shop"},
    "subsets": [
        {
            "addresses": [{"ip": "10.0.0.5", "nodeName": "n1", "targetRef": REFERENCE}],
            "notReadyAddresses": [{"ip": "10.0.0.6", "hostname": "db-0"}],
            "ports": [{"name": "http", "port": 8000}],
        }
    ],
}


def stores(*, nodes: bool = True) -> Stores:
    found: Stores = {}
    for rtype, body in (
        (PODS, POD),
        (SERVICES, SERVICE),
        (NODES, NODE),
        (ENDPOINTSLICES, SLICE),
        (ENDPOINTS, ENDPOINT),
    ):
        if nodes or rtype is not NODES:
            found[rtype] = {rtype.key_of(body): body}
    return found


def the_group(role: str, *, nodes: bool = True) -> TargetGroup:
    (group,) = groups_of(role, stores(nodes=nodes))
    return group


def short(labels: Any) -> dict[str, str]:
    return {name.removeprefix(META): value for name, value in labels.items()}


def test_pods() -> None:
    group = the_group("pod", nodes=False)
    assert group.source == "pod/shop/api-1"
    assert short(group.labels) == {
        "namespace": "shop", "pod_name": "api-1", "pod_ip": "10.0.0.5", "pod_ready": "true", "pod_phase": "Running",
        "pod_node_name": "n1", "pod_host_ip": "192.168.0.1", "pod_uid": "u1",
        "pod_controller_kind": "ReplicaSet", "pod_controller_name": "api",
        "pod_label_app_kubernetes_io_name": "api", "pod_labelpresent_app_kubernetes_io_name": "true",
        "pod_annotation_prometheus_io_port": "15020", "pod_annotationpresent_prometheus_io_port": "true",
    }  # fmt: skip
    assert [target[ADDRESS] for target in group.targets] == ["10.0.0.5:8000", "10.0.0.5:9", "10.0.0.5", "10.0.0.5"]
    assert short(group.targets[0]) == {
        ADDRESS: "10.0.0.5:8000", "pod_container_name": "app", "pod_container_id": "tejer://c1",
        "pod_container_image": "api:v1", "pod_container_init": "false", "pod_container_port_name": "http",
        "pod_container_port_number": "8000", "pod_container_port_protocol": "TCP",
    }  # fmt: skip
    assert group.targets[3][META + "pod_container_init"] == "true"


def test_a_pod_without_an_address_is_no_target() -> None:
    waiting = {**POD, "status": {"phase": "Pending"}}
    (group,) = groups_of("pod", {PODS: {PODS.key_of(waiting): waiting}})
    assert group.targets == () and group.labels[META + "pod_ready"] == "unknown"


def test_metadata_of_nodes_is_attached_where_it_is_watched() -> None:
    assert the_group("pod").labels[META + "node_label_zone"] == "a"
    assert META + "node_label_zone" not in the_group("pod", nodes=False).labels


def test_services() -> None:
    group = the_group("service")
    assert short(group.targets[0]) == {
        ADDRESS: "api.shop.svc:80", "service_port_name": "http", "service_port_number": "80",
        "service_port_protocol": "TCP", "service_type": "ClusterIP", "service_cluster_ip": "10.96.0.9",
    }  # fmt: skip
    assert short(group.labels)["service_annotation_prometheus_io_scrape"] == "true"


def test_nodes() -> None:
    group = the_group("node")
    assert group.targets == ({ADDRESS: "[fd00::1]:10250", "instance": "n1"},)
    assert short(group.labels) == {
        "node_name": "n1", "node_provider_id": "local://n1", "node_label_zone": "a", "node_labelpresent_zone": "true",
        "node_address_Hostname": "n1", "node_address_InternalIP": "fd00::1",
    }  # fmt: skip


def test_endpoint_slices() -> None:
    group = the_group("endpointslice", nodes=False)
    assert short(group.labels)["service_name"] == "api"
    assert short(group.labels)["endpointslice_address_type"] == "IPv4"
    served, other, more = group.targets
    assert short(served) == {
        ADDRESS: "10.0.0.5:8000",
        "endpointslice_port_name": "http", "endpointslice_port": "8000", "endpointslice_port_protocol": "TCP",
        "endpointslice_port_app_protocol": "http", "endpointslice_endpoint_conditions_ready": "true",
        "endpointslice_endpoint_conditions_serving": "true", "endpointslice_endpoint_node_name": "n1",
        "endpointslice_endpoint_zone": "z", "endpointslice_address_target_kind": "Pod",
        "endpointslice_address_target_name": "api-1",
        **short(the_group("pod", nodes=False).targets[0]),
        **{name: value for name, value in short(the_group("pod", nodes=False).labels).items() if name != "namespace"},
    }  # fmt: skip
    assert other[ADDRESS] == "10.0.0.6:8000" and META + "pod_name" not in other
    # The pod's other port is a target too, without labels of an endpoint.
    assert more[ADDRESS] == "10.0.0.5:9" and not any("endpointslice" in name for name in more)


def test_endpoints() -> None:
    group = the_group("endpoints")
    assert short(group.labels)["endpoints_name"] == "api" and short(group.labels)["service_name"] == "api"
    served, other, more = map(short, group.targets)
    assert served["endpoint_ready"] == "true" and served["pod_container_name"] == "app"
    assert served["endpoint_address_target_kind"] == "Pod" and served["endpoint_node_name"] == "n1"
    assert other["endpoint_ready"] == "false" and other["endpoint_hostname"] == "db-0"
    assert more[ADDRESS] == "10.0.0.5:9"


def asked(**fields: Any) -> list[Ask]:
    return asks_of(msgspec.convert(fields, KubernetesDiscovery, dec_hook=read_scalar), "istio-system")


def test_what_is_watched() -> None:
    assert asked(role="pod") == [Ask(PODS)]
    assert asked(role="endpointslice", namespaces={"names": ["a"], "own_namespace": True}) == [
        Ask(rtype, namespace) for rtype in (ENDPOINTSLICES, SERVICES, PODS) for namespace in ("a", "istio-system")
    ]
    assert asked(role="pod", namespaces={"names": ["a"]}, attach_metadata={"node": True}) == [
        Ask(PODS, "a"),
        Ask(NODES),
    ]
    assert asked(role="pod", selectors=[{"role": "pod", "label": "app=x", "field": "spec.nodeName=n"}]) == [
        Ask(PODS, "", "app=x", "spec.nodeName=n")
    ]
