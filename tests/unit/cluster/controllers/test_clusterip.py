import pytest

from tejer.cluster.controllers.clusterip import allocate, assign_addresses
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

CIDR = "10.96.0.0/16"


def service(name: str = "web", **spec: object) -> Body:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": [{"port": 80}], **spec}}


def test_dynamic_addresses_leave_the_lower_band_to_users() -> None:
    assert allocate((), CIDR) == "10.96.1.1"
    assert allocate({"10.96.1.1"}, CIDR) == "10.96.1.2"


def test_a_full_network_is_an_error() -> None:
    used = {f"10.0.0.{n}" for n in range(256)}
    with pytest.raises(ApiError, match="no free ClusterIP"):
        allocate(used, "10.0.0.0/24")


def test_created_service_gets_an_address_and_families() -> None:
    spec = assign_addresses(service(), [], CIDR)["spec"]
    assert spec["clusterIP"] == "10.96.1.1"
    assert spec["clusterIPs"] == ["10.96.1.1"]
    assert spec["ipFamilies"] == ["IPv4"]


def test_headless_and_external_name_services_get_none() -> None:
    assert assign_addresses(service(clusterIP="None"), [], CIDR)["spec"]["clusterIPs"] == ["None"]
    external = assign_addresses(service(type="ExternalName", externalName="example.com"), [], CIDR)["spec"]
    assert "clusterIP" not in external


@pytest.mark.parametrize(
    ("address", "message"),
    [("10.96.0.7", "already allocated"), ("1.2.3.4", "not in the valid range"), ("seven", "must be an IPv4 address")],
)
def test_chosen_addresses_are_checked(address: str, message: str) -> None:
    taken = service("other", clusterIP="10.96.0.7")
    with pytest.raises(ApiError, match=message) as caught:
        assign_addresses(service(clusterIP=address), [taken], CIDR)
    assert caught.value.code == 422


def test_update_keeps_and_protects_the_address() -> None:
    old = assign_addresses(service(), [], CIDR)
    assert assign_addresses(service(), [], CIDR, old)["spec"]["clusterIP"] == old["spec"]["clusterIP"]
    with pytest.raises(ApiError, match="may not change once set"):
        assign_addresses(service(clusterIP="10.96.0.9"), [], CIDR, old)


def test_node_ports_are_distinct_and_kept() -> None:
    ports = [{"port": 80}, {"port": 443}]
    first = assign_addresses(service(type="NodePort", ports=ports), [], CIDR)
    assert [port["nodePort"] for port in first["spec"]["ports"]] == [30000, 30001]
    second = assign_addresses(service("other", type="LoadBalancer", ports=ports), [first], CIDR)
    assert [port["nodePort"] for port in second["spec"]["ports"]] == [30002, 30003]
    again = assign_addresses(service(type="NodePort", ports=[*ports, {"port": 90}]), [second], CIDR, first)
    assert [port["nodePort"] for port in again["spec"]["ports"]] == [30000, 30001, 30004]
    with pytest.raises(ApiError, match="already allocated"):
        assign_addresses(service(type="NodePort", ports=[{"port": 1, "nodePort": 30002}]), [second], CIDR)


def test_back_to_cluster_ip_drops_node_ports() -> None:
    old = assign_addresses(service(type="NodePort"), [], CIDR)
    now = assign_addresses({**old, "spec": {**old["spec"], "type": "ClusterIP"}}, [], CIDR, old)
    assert "nodePort" not in now["spec"]["ports"][0]
