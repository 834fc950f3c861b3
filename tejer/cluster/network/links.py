"""Requests for links, addresses and routes, as values; and what exists now, read back.

Source: rtnetlink(7), linux/if_link.h, linux/veth.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from tejer.cluster.network.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Netlink,
    Request,
    attribute,
    attributes,
    nested,
    text,
)

_NEWLINK, _DELLINK, _GETLINK, _NEWADDR, _GETADDR, _NEWROUTE, _GETROUTE = 16, 17, 18, 20, 22, 24, 26
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_PID = 1, 3, 4, 10, 18, 19
_IFLA_LINK_NETNSID = 37
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_IFF_UP = 1
_TABLE_MAIN, _PROTO_BOOT, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 254, 3, 0, 253, 1
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_AF = socket.AF_INET


@dataclass(frozen=True, slots=True)
class Link:
    """`peer_namespace`: our number for the network namespace of a veth's other end, -1 when that is our own."""

    index: int
    name: str
    peer_namespace: int = -1


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table; `device` is the outgoing link's index."""

    network: IPv4Network
    device: int


def mac_of(address: IPv4Address) -> bytes:
    """A link address that follows from the IP address: a neighbour's cache stays right when an address is reused."""
    return b"\x0a\x58" + address.packed


def add_bridge(name: str, mac: bytes) -> Request:
    """A fixed `mac`: a bridge otherwise takes its lowest port's and changes it while pods come and go."""
    info = nested(_IFLA_LINKINFO, text(_INFO_KIND, "bridge"))
    body = _LINK.pack(0, 0, 0, _IFF_UP, _IFF_UP) + text(_IFLA_IFNAME, name) + attribute(_IFLA_ADDRESS, mac) + info
    return Request(_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"adding bridge {name}", absent_ok=True)


def add_veth(name: str, bridge: int, pid: int, mac: bytes, mtu: int) -> Request:
    """A pair: `name` up in `bridge` here, `eth0` with `mac` in the network namespace of `pid`."""
    size = attribute(_IFLA_MTU, struct.pack("=I", mtu))
    peer = (
        _LINK.pack(0, 0, 0, 0, 0)
        + text(_IFLA_IFNAME, "eth0")
        + attribute(_IFLA_ADDRESS, mac)
        + size
        + attribute(_IFLA_NET_NS_PID, struct.pack("=I", pid))
    )
    info = nested(_IFLA_LINKINFO, text(_INFO_KIND, "veth"), nested(_INFO_DATA, attribute(_VETH_PEER, peer)))
    master = attribute(_IFLA_MASTER, struct.pack("=I", bridge))
    body = _LINK.pack(0, 0, 0, _IFF_UP, _IFF_UP) + text(_IFLA_IFNAME, name) + size + master + info
    return Request(_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"adding veth {name}")


def set_up(index: int) -> Request:
    return Request(_NEWLINK, 0, _LINK.pack(0, 0, index, _IFF_UP, _IFF_UP), f"bringing link {index} up")


def delete_link(index: int) -> Request:
    return Request(_DELLINK, 0, _LINK.pack(0, 0, index, 0, 0), f"deleting link {index}", absent_ok=True)


def add_address(index: int, address: IPv4Address, prefix: int) -> Request:
    packed = attribute(_IFA_LOCAL, address.packed) + attribute(_IFA_ADDRESS, address.packed)
    body = _ADDRESS.pack(_AF, prefix, 0, 0, index) + packed
    return Request(_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, f"adding address {address}/{prefix}")


def add_route(network: IPv4Network, *, device: int, gateway: IPv4Address | None = None) -> Request:
    scope = _SCOPE_LINK if gateway is None else _SCOPE_UNIVERSE
    body = _ROUTE.pack(_AF, network.prefixlen, 0, 0, _TABLE_MAIN, _PROTO_BOOT, scope, _UNICAST, 0)
    if network.prefixlen:
        body += attribute(_RTA_DST, network.network_address.packed)
    body += attribute(_RTA_OIF, struct.pack("=I", device))
    if gateway is not None:
        body += attribute(_RTA_GATEWAY, gateway.packed)
    return Request(_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body, f"adding route {network}")


def read_links(netlink: Netlink) -> Iterator[Link]:
    for body in netlink.dump(Request(_GETLINK, 0, _LINK.pack(0, 0, 0, 0, 0), "listing links")):
        found = attributes(body[_LINK.size :])
        name = found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode()
        (peer,) = struct.unpack("=i", found.get(_IFLA_LINK_NETNSID, b"\xff" * 4))
        yield Link(_LINK.unpack_from(body)[2], name, peer)


def read_addresses(netlink: Netlink) -> Iterator[tuple[int, IPv4Address]]:
    """(link index, address) of every IPv4 address."""
    for body in netlink.dump(Request(_GETADDR, 0, _ADDRESS.pack(_AF, 0, 0, 0, 0), "listing addresses")):
        found = attributes(body[_ADDRESS.size :])
        packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS, b"")
        if len(packed) == 4:
            yield _ADDRESS.unpack_from(body)[4], IPv4Address(packed)


def read_routes(netlink: Netlink) -> Iterator[Route]:
    """The main table's IPv4 routes, default route included (0.0.0.0/0)."""
    for body in netlink.dump(Request(_GETROUTE, 0, _ROUTE.pack(_AF, 0, 0, 0, 0, 0, 0, 0, 0), "listing routes")):
        fields = _ROUTE.unpack_from(body)
        if fields[4] != _TABLE_MAIN:
            continue
        found = attributes(body[_ROUTE.size :])
        destination = found.get(_RTA_DST, b"\0\0\0\0")
        device = int.from_bytes(found.get(_RTA_OIF, b"\0\0\0\0"), "little")
        yield Route(IPv4Network((destination, fields[1])), device)
