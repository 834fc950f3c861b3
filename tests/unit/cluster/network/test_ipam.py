from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from tejer.cluster.network.ipam import AddressPool


def test_addresses_are_not_reused_at_once() -> None:
    pool = AddressPool(IPv4Network("10.0.0.0/29"))
    assert [str(pool.take()) for _ in range(3)] == ["10.0.0.2", "10.0.0.3", "10.0.0.4"]
    pool.give_back(IPv4Address("10.0.0.3"))
    assert [str(pool.take()) for _ in range(3)] == ["10.0.0.5", "10.0.0.6", "10.0.0.3"]
    with pytest.raises(RuntimeError, match="all 5 addresses of pod_cidr"):
        pool.take()


def test_what_earlier_pods_hold_is_not_given() -> None:
    pool = AddressPool(IPv4Network("10.0.0.0/24"))
    pool.reserve([IPv4Address("10.0.0.2"), IPv4Address("10.0.0.9")])
    assert str(pool.take()) == "10.0.0.10"
