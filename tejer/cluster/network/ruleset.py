"""The cluster's one nftables table in the host's network namespace, as messages. Pure.

    prerouting, output (nat)  → map `services`: address . protocol . port → chain of that Service port
    one chain per Service port → destination NAT to one endpoint, chosen at random per connection
    postrouting (nat)          → masquerade what leaves the cluster, and a pod's connection to itself by its Service
    forward, output (filter)   → refuse what still goes to a Service address: it has no such port or no endpoint

Replacing the table is one transaction; connections that were NATed stay so, the kernel remembers them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from tejer.cluster.network import nft
from tejer.cluster.network.netlink import Request
from tejer.cluster.network.nft import BaseChain, Hook
from tejer.cluster.network.services import VirtualPort

_META_IIFNAME, _META_OIFNAME, _META_L4PROTO = 6, 7, 16
_SERVICES, _HAIRPINS = 1, 2
_TCP = 6
_SOURCE, _DESTINATION = 12, 16
_DNAT_PRIORITY, _FILTER_PRIORITY, _SNAT_PRIORITY = -100, 0, 100


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that the table says. `table` and `bridge` are names of this cluster's own."""

    table: str
    bridge: str
    pods: IPv4Network
    services: IPv4Network
    ports: tuple[VirtualPort, ...] = ()


def messages(ruleset: Ruleset) -> list[Request]:
    """The transaction that replaces the table, whatever was in it."""
    table = ruleset.table
    return [
        nft.add_table(table),  # deleting one that isn't there would fail the transaction
        nft.delete_table(table),
        nft.add_table(table),
        nft.add_set(table, "services", _SERVICES, key_length=12, verdicts=True),
        nft.add_set(table, "hairpins", _HAIRPINS, key_length=8),
        *_port_chains(ruleset),
        *_dispatch(table),
        *_source_nat(ruleset),
        *_refusals(ruleset),
    ]


def _port_chains(ruleset: Ruleset) -> list[Request]:
    table = ruleset.table
    requests: list[Request] = []
    elements: list[tuple[bytes, str]] = []
    hairpins: set[bytes] = set()
    for port in ruleset.ports:
        if not port.endpoints:
            continue
        chain = f"{port.address}-{port.protocol}-{port.port}"
        requests.append(nft.add_chain(table, chain))
        elements.append((_key(port), chain))
        for number, (address, target) in enumerate(port.endpoints):
            packed = IPv4Address(address).packed
            choice = _choice(port, number)
            to = [nft.load(packed, 1), nft.load(struct.pack(">H", target), 2), nft.destination_nat(1, 2)]
            requests.append(nft.add_rule(table, chain, *choice, *to))
            if IPv4Address(address) in ruleset.pods:
                hairpins.add(packed + packed)
    requests += nft.add_elements(table, "services", _SERVICES, elements)
    requests += nft.add_elements(table, "hairpins", _HAIRPINS, [(key, "") for key in sorted(hairpins)])
    return requests


def _choice(port: VirtualPort, number: int) -> list[bytes]:
    """The condition on which endpoint `number` is taken, when those before it weren't."""
    rest = len(port.endpoints) - number
    if rest == 1:
        return []
    if port.sticky:
        client = nft.payload(transport=False, offset=_SOURCE, length=4, register=nft.KEY_REGISTER)
        pick = nft.hashed(len(port.endpoints), length=4, register=nft.KEY_REGISTER)
        return [client, pick, nft.compare(struct.pack("=I", number))]
    return [nft.random_number(rest), nft.compare(struct.pack("=I", 0))]


def _key(port: VirtualPort) -> bytes:
    """address . protocol . port, each padded to the four bytes of a register."""
    head = IPv4Address(port.address).packed
    return head + bytes([port.protocol]) + b"\0" * 3 + struct.pack(">H", port.port) + b"\0" * 2


def _dispatch(table: str) -> list[Request]:
    find = (
        nft.payload(transport=False, offset=_DESTINATION, length=4, register=nft.KEY_REGISTER),
        nft.meta(_META_L4PROTO, nft.KEY_REGISTER + 1),
        nft.payload(transport=True, offset=2, length=2, register=nft.KEY_REGISTER + 2),
        nft.lookup("services", _SERVICES, verdicts=True),
    )
    requests = []
    for name, hook in (("prerouting", Hook.PREROUTING), ("output", Hook.OUTPUT)):
        requests.append(nft.add_chain(table, name, BaseChain("nat", hook, _DNAT_PRIORITY)))
        requests.append(nft.add_rule(table, name, *find))
    return requests


def _source_nat(ruleset: Ruleset) -> list[Request]:
    table, chain = ruleset.table, "postrouting"
    pair = (
        nft.payload(transport=False, offset=_SOURCE, length=4, register=nft.KEY_REGISTER),
        nft.payload(transport=False, offset=_DESTINATION, length=4, register=nft.KEY_REGISTER + 1),
    )
    return [
        nft.add_chain(table, chain, BaseChain("nat", Hook.POSTROUTING, _SNAT_PRIORITY)),
        nft.add_rule(table, chain, *pair, nft.lookup("hairpins", _HAIRPINS), nft.masquerade()),
        nft.add_rule(
            table,
            chain,
            *_in_network(_SOURCE, ruleset.pods),
            nft.meta(_META_OIFNAME),
            nft.compare(nft.device(ruleset.bridge), equal=False),
            nft.masquerade(),
        ),
    ]


def _refusals(ruleset: Ruleset) -> list[Request]:
    table = ruleset.table
    to_service = _in_network(_DESTINATION, ruleset.services)
    to_bridge = (nft.meta(_META_OIFNAME), nft.compare(nft.device(ruleset.bridge)))
    is_tcp = (nft.meta(_META_L4PROTO), nft.compare(bytes([_TCP])))
    requests = []
    for name, hook, where in (("refuse-forward", Hook.FORWARD, ()), ("refuse-output", Hook.OUTPUT, to_bridge)):
        requests += [
            nft.add_chain(table, name, BaseChain("filter", hook, _FILTER_PRIORITY)),
            nft.add_rule(table, name, *where, *to_service, *is_tcp, nft.reject(reset=True)),
            nft.add_rule(table, name, *where, *to_service, nft.reject(reset=False)),
        ]
    return requests


def _in_network(offset: int, network: IPv4Network) -> tuple[bytes, ...]:
    return (
        nft.payload(transport=False, offset=offset, length=4),
        nft.mask(network.netmask.packed),
        nft.compare(network.network_address.packed),
    )
