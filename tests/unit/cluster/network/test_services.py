from __future__ import annotations

from tejer.cluster.network.services import VirtualPort, virtual_ports
from tejer.kube.resource import Body


def service(**spec: object) -> Body:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    return {
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"clusterIP": "10.96.0.5", "ports": ports, **spec},
    }


def slice_of(*endpoints: Body, port: int = 8080, name: str = "http") -> Body:
    meta = {"namespace": "shop", "name": "web-x", "labels": {"kubernetes.io/service-name": "web"}}
    return {
        "metadata": meta,
        "addressType": "IPv4",
        "ports": [{"name": name, "port": port}],
        "endpoints": list(endpoints),
    }


def endpoint(address: str, **conditions: bool) -> Body:
    return {"addresses": [address], "conditions": conditions}


def test_each_port_leads_to_its_ready_endpoints() -> None:
    slices = [slice_of(endpoint("10.244.0.3", ready=True), endpoint("10.244.0.2"), endpoint("10.244.0.4", ready=False))]
    assert virtual_ports([service()], slices) == (
        VirtualPort("10.96.0.5", 6, 80, (("10.244.0.2", 8080), ("10.244.0.3", 8080))),
        VirtualPort("10.96.0.5", 17, 53, ()),
    )


def test_ending_endpoints_serve_while_there_is_no_other() -> None:
    ending = endpoint("10.244.0.9", ready=False, serving=True, terminating=True)
    (http, _) = virtual_ports([service()], [slice_of(ending)])
    assert http.endpoints == (("10.244.0.9", 8080),)
    (http, _) = virtual_ports([service()], [slice_of(ending, endpoint("10.244.0.2", ready=True))])
    assert http.endpoints == (("10.244.0.2", 8080),)


def test_headless_external_and_reserved_services_have_no_address() -> None:
    assert virtual_ports([service(clusterIP="None"), service(type="ExternalName"), service(clusterIP="")], []) == ()
    assert virtual_ports([service()], [], reserved=frozenset({"10.96.0.5"})) == ()
