from __future__ import annotations

from ipaddress import IPv4Network

from tejer.cluster.network.ruleset import Ruleset, messages
from tejer.cluster.network.services import VirtualPort

PODS, SERVICES = IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16")
LOADED = VirtualPort("10.96.0.5", 6, 80, (("10.244.0.2", 8080), ("10.244.0.3", 8080)))
EMPTY = VirtualPort("10.96.0.6", 6, 80, ())


def whats(*ports: VirtualPort) -> list[str]:
    return [request.what for request in messages(Ruleset("t", "tejer0", PODS, SERVICES, ports))]


def test_the_table_is_replaced_whole() -> None:
    assert whats()[:3] == ["adding table t", "deleting table t", "adding table t"]


def test_one_chain_per_port_with_one_rule_per_endpoint() -> None:
    said = whats(LOADED, EMPTY)
    assert said.count("adding chain 10.96.0.5-6-80") == 1
    assert said.count("adding a rule to 10.96.0.5-6-80") == 2
    assert not any("10.96.0.6" in each for each in said), "no endpoint: it falls through and is refused"


def test_endpoints_outside_the_pod_network_need_no_hairpin() -> None:
    outside = VirtualPort("10.96.0.1", 6, 443, (("192.0.2.9", 6443),))
    assert "adding elements to hairpins" not in whats(outside)
    assert "adding elements to hairpins" in whats(LOADED)
