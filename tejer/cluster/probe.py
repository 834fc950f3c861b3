"""Tries what pods need of the kernel, in namespaces of its own that vanish with it: `python -m tejer.cluster.probe`.

Prints one JSON object: what was tried → "" or the kernel's refusal. Changes nothing on the machine.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from tejer.cluster.network import links, nft
from tejer.cluster.network.netlink import NETLINK_NETFILTER, Netlink
from tejer.cluster.runtime.shim import syscalls


def _namespaces() -> None:
    syscalls.unshare(syscalls.CLONE_NEWNET | syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)


def _pid_namespace() -> None:
    syscalls.unshare(syscalls.CLONE_NEWPID)


def _bridge() -> None:
    with Netlink() as netlink:
        netlink.run([links.add_bridge("probe0", links.mac_of(IPv4Address("10.0.0.1")))])
        index = next(link.index for link in links.read_links(netlink) if link.name == "probe0")
        netlink.run([links.add_veth("probe1", index, os.getpid(), links.mac_of(IPv4Address("10.0.0.2")), 1500)])


def _nftables() -> None:
    with Netlink(NETLINK_NETFILTER) as netlink:
        nft.commit(netlink, [nft.add_table("probe"), nft.delete_table("probe")])


def _overlay() -> None:
    with tempfile.TemporaryDirectory(prefix="tejer-probe-") as scratch:
        syscalls.mount("tmpfs", scratch, "tmpfs")
        try:
            for name in ("upper", "work", "root"):
                Path(scratch, name).mkdir()
            options = f"lowerdir=/,upperdir={scratch}/upper,workdir={scratch}/work"
            syscalls.mount("overlay", f"{scratch}/root", "overlay", data=options)
            syscalls.unmount(f"{scratch}/root", syscalls.MNT_DETACH)
        finally:
            syscalls.unmount(scratch, syscalls.MNT_DETACH)


ATTEMPTS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("namespaces", _namespaces),  # first: all that follows happens inside
    ("bridge", _bridge),
    ("nftables", _nftables),
    ("overlay", _overlay),
    ("pid-namespace", _pid_namespace),
)


def main() -> int:
    results: dict[str, str] = {}
    for name, attempt in ATTEMPTS:
        try:
            attempt()
            results[name] = ""
        except OSError as error:
            results[name] = error.strerror or str(error)
            if name == "namespaces":
                break  # the rest would happen on the machine itself
    print(json.dumps(results))  # noqa: T201 (this program's output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
