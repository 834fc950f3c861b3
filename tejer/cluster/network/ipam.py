"""Which pod has which address. Pure: what pods' state files hold already is told by `reserve`."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network


class AddressPool:
    """Gives out the addresses of `network` except its first two (network, bridge) and its broadcast.

    The next address follows the last given, so that one just freed isn't reused at once: clients and proxies that
    still know it would reach a stranger.
    """

    def __init__(self, network: IPv4Network) -> None:
        self._network = network
        self._used: set[int] = set()
        self._first, self._last = int(network[2]), int(network[-2])
        self._next = self._first

    def reserve(self, addresses: Iterable[IPv4Address]) -> None:
        """These are in use already."""
        values = [int(address) for address in addresses]
        self._used.update(values)
        self._next = max([self._next, *(value + 1 for value in values if self._first <= value <= self._last)])

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
