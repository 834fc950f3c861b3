from __future__ import annotations

from pathlib import Path

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network.forwards import Forward, Port, wanted_forwards
from tejer.kube.resource import Body

CONFIG = ClusterConfig(home=Path("/home/x"))


def test_the_ingress_gateway_answers_on_the_configured_ports() -> None:
    ports = [{"port": 80}, {"port": 443}, {"port": 15021}]
    gateway: Body = {
        "metadata": {"namespace": "istio-system", "name": "istio-ingressgateway"},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": ports},
    }
    key = "service/istio-system/istio-ingressgateway"
    assert wanted_forwards([gateway], [], CONFIG) == {
        key: Forward(key, (Port("127.0.0.1", 8080, "10.96.0.9", 80), Port("127.0.0.1", 8443, "10.96.0.9", 443)))
    }


def test_node_ports_answer_on_loopback() -> None:
    spec = {"type": "NodePort", "clusterIP": "10.96.0.7", "ports": [{"port": 80, "nodePort": 30080}, {"port": 81}]}
    service: Body = {"metadata": {"namespace": "shop", "name": "web"}, "spec": spec}
    assert wanted_forwards([service], [], CONFIG)["service/shop/web"].ports == (
        Port("127.0.0.1", 30080, "10.96.0.7", 80),
    )


def test_host_ports_of_pods_that_have_an_address() -> None:
    container = {"ports": [{"containerPort": 80, "hostPort": 8088, "hostIP": "0.0.0.0"}, {"containerPort": 81}]}
    pod: Body = {"metadata": {"uid": "u"}, "spec": {"containers": [container]}, "status": {}}
    assert wanted_forwards([], [pod], CONFIG) == {}
    pod["status"] = {"podIP": "10.244.0.4", "phase": "Running"}
    forward = wanted_forwards([], [pod], CONFIG)["pod/u"]
    assert forward.ports == (Port("127.0.0.1", 8088, "10.244.0.4", 80),)
    pod["status"]["phase"] = "Failed"
    assert wanted_forwards([], [pod], CONFIG) == {}
