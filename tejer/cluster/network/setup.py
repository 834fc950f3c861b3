"""The cluster's network on this machine: bridge, addresses, routes, forwarding, rules. Blocking: for a worker thread.

Everything made here carries the cluster's own name (bridge, table, veth prefix), so that `remove` finds it after a
`kill -9` of everything, and two clusters don't meet.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network import firewall, links, nft, ruleset
from tejer.cluster.network.inhabitants import inhabitants
from tejer.cluster.network.netlink import NETLINK_NETFILTER, Netlink, network_of
from tejer.cluster.network.services import VirtualPort

log = logging.getLogger(__name__)

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_ANYWHERE = IPv4Network("0.0.0.0/0")
_DEFAULT_MTU = 1500
_BRIDGES = ("tj", "tejer", "docker", "br-", "virbr", "cni", "lxc")
"""Whoever owns such a device needs forwarding too."""


class HostNetwork:
    """Makes, changes and removes what the cluster has in the host's network namespace."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self.pods, self.services = IPv4Network(config.pod_cidr), IPv4Network(config.service_cidr)
        self.table = f"tejer_{config.instance_id}"
        self.veth_prefix = f"t{config.instance_id[:6]}"
        self._bridge_index = 0

    def ensure(self) -> None:
        """Make the bridge with the gateway's and the DNS server's address. Idempotent.

        Raises RuntimeError in one clear line when another network already uses these addresses, or when this process
        may not change the network.
        """
        config = self._config
        try:
            with Netlink() as netlink:
                self._refuse_conflicts(netlink)
                gateway, dns = IPv4Address(config.gateway_ip), IPv4Address(config.dns_ip)
                netlink.run([links.add_bridge(config.bridge, links.mac_of(gateway))])
                self._bridge_index = next(
                    link.index for link in links.read_links(netlink) if link.name == config.bridge
                )
                netlink.run(
                    [
                        links.set_up(self._bridge_index),
                        links.add_address(self._bridge_index, gateway, self.pods.prefixlen),
                        links.add_address(self._bridge_index, dns, 32),
                        links.add_route(self.services, device=self._bridge_index),
                    ]
                )
        except PermissionError as error:
            raise RuntimeError(
                f"cannot set up the cluster's network: {error.strerror}; run as root or grant CAP_NET_ADMIN"
            ) from error
        with Netlink(NETLINK_NETFILTER) as netlink:
            firewall.let_through(netlink, config.bridge)
        self._settings()

    def _refuse_conflicts(self, netlink: Netlink) -> None:
        ours = {link.index for link in links.read_links(netlink) if link.name == self._config.bridge}
        names = {link.index: link.name for link in links.read_links(netlink)}
        for route in links.read_routes(netlink):
            if route.network == _ANYWHERE or route.device in ours:
                continue
            for field, network in (("pod_cidr", self.pods), ("service_cidr", self.services)):
                if route.network.overlaps(network):
                    raise RuntimeError(
                        f"{field} {network} is already in use on this machine: route {route.network} on device "
                        f"{names.get(route.device, '?')}; start with another {field} (tejer up --help)"
                    )

    def _settings(self) -> None:
        if _FORWARDING.read_text().strip() != "1":
            _FORWARDING.write_text("1")
            (self._config.home / "forwarding-was-off").touch()
        # Pods reach each other by way of the bridge's address on purpose; redirects would tell them not to.
        redirects = Path(f"/proc/sys/net/ipv4/conf/{self._config.bridge}/send_redirects")
        with suppress(OSError):
            redirects.write_text("0")

    def attach(self, pid: int, address: IPv4Address) -> None:
        """Give the network namespace of `pid` its `eth0` with `address`, on the bridge. Raises OSError.

        The address is a /32 and everything goes by way of the gateway, also to other pods: so every reply passes the
        host's connection tracking, which turns an endpoint's address back into the Service's.
        """
        name = f"{self.veth_prefix}{int(address):08x}"
        gateway = IPv4Address(self._config.gateway_ip)
        with Netlink() as netlink:
            if not self._bridge_index:
                self.ensure()
            veth = links.add_veth(name, self._bridge_index, pid, links.mac_of(address), _DEFAULT_MTU)
            try:
                netlink.run([veth])
            except FileExistsError:  # of a pod whose namespace the kernel hasn't finished removing
                stale = [link.index for link in links.read_links(netlink) if link.name == name]
                netlink.run([links.delete_link(index) for index in stale])
                netlink.run([veth])
        # Where br_netfilter is on, a pod's connection to itself by its Service is turned round inside the bridge.
        Path(f"/sys/class/net/{name}/brport/hairpin_mode").write_text("1")
        with network_of(pid), Netlink() as inside:
            devices = {link.name: link.index for link in links.read_links(inside)}
            eth0 = devices["eth0"]
            inside.run(
                [
                    links.set_up(devices["lo"]),
                    links.add_address(eth0, address, 32),
                    links.set_up(eth0),
                    links.add_route(IPv4Network(gateway), device=eth0),
                    links.add_route(_ANYWHERE, device=eth0, gateway=gateway),
                ]
            )

    def apply(self, ports: tuple[VirtualPort, ...]) -> None:
        """Make the Service addresses lead where `ports` says. Raises OSError; then nothing has changed."""
        wanted = ruleset.Ruleset(self.table, self._config.bridge, self.pods, self.services, ports)
        with Netlink(NETLINK_NETFILTER) as netlink:
            nft.commit(netlink, ruleset.messages(wanted))

    def exists(self) -> bool:
        """Whether a device of the cluster's is there. Needs no privileges."""
        with Netlink() as netlink:
            return any(self._is_ours(link.name) for link in links.read_links(netlink))

    def inhabitants(self) -> set[int]:
        """Pids of the processes in the pods' network namespaces. Raises OSError."""
        with Netlink() as netlink:
            veths = {link.name for link in links.read_links(netlink) if self._is_veth(link.name)}
            return inhabitants(netlink, veths)

    def remove(self) -> None:
        """Take everything away: links, rules, forwarding if it was us who switched it on. Idempotent.

        Raises OSError, the first one, after everything was tried.
        """
        failures: list[OSError] = []
        for part in (self._remove_links, self._remove_rules, self._reset_forwarding):
            try:
                part()
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _remove_links(self) -> None:
        with Netlink() as netlink:
            ours = [link for link in links.read_links(netlink) if self._is_ours(link.name)]
            netlink.run([links.delete_link(link.index) for link in ours])

    def _remove_rules(self) -> None:
        with Netlink(NETLINK_NETFILTER) as netlink:
            nft.commit(netlink, [nft.add_table(self.table), nft.delete_table(self.table)])
            firewall.close(netlink, self._config.bridge)

    def _reset_forwarding(self) -> None:
        marker = self._config.home / "forwarding-was-off"
        if not marker.exists():
            return
        with Netlink() as netlink:
            others = [link for link in links.read_links(netlink) if link.name.startswith(_BRIDGES)]
        if not any(not self._is_ours(link.name) for link in others):
            _FORWARDING.write_text("0")
        marker.unlink()

    def _is_ours(self, name: str) -> bool:
        return name == self._config.bridge or self._is_veth(name)

    def _is_veth(self, name: str) -> bool:
        return name.startswith(self.veth_prefix) and len(name) == len(self.veth_prefix) + 8
