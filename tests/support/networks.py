"""Networks for tests that nobody else on this machine has: no other run of the tests, nor what one left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
from ipaddress import IPv4Network
from itertools import chain
from pathlib import Path

_ROUTES = Path("/proc/net/route")
_LAST = 250
_held: dict[int, int] = {}
"""Descriptors of lock files by the subnet we took: the kernel gives them back however we end."""


def free_subnet(wanted: int) -> int:
    """N of 10.N.0.0/16: `wanted` or the next that no route leads to and no other run has taken."""
    routes = used_networks(_ROUTES.read_text())
    for number in chain(range(wanted, _LAST), range(100, wanted)):
        if not any(route.overlaps(IPv4Network(f"10.{number}.0.0/16")) for route in routes) and _take(number):
            return number
    raise RuntimeError(f"no free 10.N.0.0/16 on this machine: {', '.join(map(str, routes))}")


def give_back(number: int) -> None:
    """What `free_subnet` answered is not needed any more."""
    os.close(_held.pop(number))


def used_networks(table: str) -> list[IPv4Network]:
    """The destinations of /proc/net/route (proc(5)), but for default routes."""
    fields = [line.split() for line in table.splitlines()[1:]]
    found = [(_address(words[1]), _address(words[7])) for words in fields]
    return [IPv4Network((number, mask.bit_count())) for number, mask in found if mask]


def _address(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


def _take(number: int) -> bool:
    path = Path(tempfile.gettempdir()) / f"tejer-tests-10.{number}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _held[number] = descriptor
    return True
