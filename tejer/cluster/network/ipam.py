"""Which pod has which address. Pure: what is used is told at the start from the pods' state files."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network


class AddressPool:
    """Gives out the addresses of `network` except its first two (network, bridge) and its broadcast.

    The next address follows the last given, so that one just freed isn't reused at once: clients and proxies that
    still know it would reach a stranger.
    """

    def __init__(self, network: IPv4Network, used: Iterable[IPv4Address] = ()) -> None:
        self._network = network
        self._used = {int(address) for address in used}
        self._first, self._last = int(network[2]), int(network[-2])
        self._next = max((value for value in self._used if self._first <= value <= self._last), default=self._first)

    def take(self) -> IPv4Address:
        """Raises RuntimeError when all addresses are in use."""
        size = self._last - self._first + 1
        for step in range(size):
            value = self._first + (self._next - self._first + step) % size
            if value not in self._used:
                self._used.add(value)
                self._next = value + 1
                return IPv4Address(value)
        raise RuntimeError(f"all {size} addresses of pod_cidr {self._network} are in use; delete pods or widen it")

    def give_back(self, address: IPv4Address) -> None:
        self._used.discard(int(address))
