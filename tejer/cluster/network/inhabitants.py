"""Which processes live in the network namespaces that a cluster's devices lead to.

A container dies with its shim because the kernel signals it so (PR_SET_PDEATHSIG), but that is forgotten when a program
changes its user. The namespace is not: by it such a process is found after its shim is gone, and nobody else's is.
Source: rtnetlink(7), linux/net_namespace.h.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tejer.cluster.network import links
from tejer.cluster.network.netlink import Netlink, Request, attribute, attributes

_GETNSID, _NETNSA_NSID, _NETNSA_PID = 90, 1, 2
_UNKNOWN = -1


def inhabitants(netlink: Netlink, devices: Collection[str]) -> set[int]:
    """The pids of all processes in the namespaces at the other ends of the veth pairs `devices`."""
    ends = {link.peer_namespace for link in links.read_links(netlink) if link.name in devices} - {_UNKNOWN}
    if not ends:
        return set()
    found = set()
    for members in _by_namespace().values():
        if _number_of(netlink, members[0]) in ends:
            found.update(members)
    return found


def _by_namespace() -> dict[int, list[int]]:
    """Processes by the inode of their network namespace, but for our own namespace."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.setdefault((entry / "ns/net").stat().st_ino, []).append(int(entry.name))
    found.pop(Path("/proc/self/ns/net").stat().st_ino, None)
    return found


def _number_of(netlink: Netlink, pid: int) -> int:
    """The number by which our namespace knows that of `pid`, -1 when it doesn't."""
    body = bytes(4) + attribute(_NETNSA_PID, struct.pack("=I", pid))
    try:
        answer = netlink.ask(Request(_GETNSID, 0, body, f"asking for the network namespace of process {pid}"))
    except ProcessLookupError:
        return _UNKNOWN
    return int(struct.unpack("=i", attributes(answer[4:]).get(_NETNSA_NSID, b"\xff" * 4))[0])
