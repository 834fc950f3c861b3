"""The cluster's network in the real kernel: Service addresses, refusals, the way out, conflicts, and its removal."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from tejer.cluster.config import ClusterConfig
from tejer.cluster.network import links, nft
from tejer.cluster.network.netlink import NETLINK_NETFILTER, Netlink
from tejer.cluster.network.services import VirtualPort
from tejer.cluster.network.setup import HostNetwork
from tejer.cluster.runtime.teardown import teardown
from tests.netns.node import (
    cluster,
    container,
    pod_network,
    require_namespaces,
    service_address,
    service_network,
    uid_of,
)

pytestmark = pytest.mark.netns

SERVE = """
import socket, sys
server = socket.create_server(("", 8080))
print("up", flush=True)
while True:
    connection, peer = server.accept()
    connection.sendall(f"{sys.argv[1]} {peer[0]}".encode())
    connection.close()
"""
NUMBER = 5
VIP, EMPTY = service_address(NUMBER, 50), service_address(NUMBER, 51)
GATEWAY, FIRST, SECOND = (pod_network(NUMBER).replace("0/24", str(last)) for last in (1, 2, 3))


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require_namespaces()


class Lab:
    """A network with two servers, each in a namespace of its own."""

    def __init__(self, config: ClusterConfig) -> None:
        self.network = HostNetwork(config)
        self.processes: list[subprocess.Popen[str]] = []

    def server(self, address: str) -> None:
        words = ["unshare", "-n", sys.executable, "-c", "input();" + SERVE, address]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{process.pid}/ns/net").readlink() == own:
            pass
        self.network.attach(process.pid, IPv4Address(address))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "up\n"

    def ask(self, source: int, address: str, port: int) -> str:
        """What the server says to a client in the namespace of server number `source`; "" when refused."""
        script = (
            "import socket,sys;s=socket.create_connection((sys.argv[1],int(sys.argv[2])),2);print(s.recv(99).decode())"
        )
        enter = [
            "nsenter",
            "-t",
            str(self.processes[source].pid),
            "-n",
            sys.executable,
            "-c",
            script,
            address,
            str(port),
        ]
        run = subprocess.run(enter, capture_output=True, text=True, check=False)
        assert run.returncode == 0 or "ConnectionRefused" in run.stderr, run.stderr
        return run.stdout.strip()


@contextmanager
def lab(home: Path) -> Iterator[Lab]:
    made = Lab(ClusterConfig(home=home, pod_cidr=pod_network(NUMBER), service_cidr=service_network(NUMBER)))
    home.mkdir()
    try:
        made.network.ensure()
        made.server(FIRST)
        made.server(SECOND)
        yield made
    finally:
        for process in made.processes:
            process.kill()
            process.communicate()
        made.network.remove()


def test_service_addresses_from_pods_and_from_the_host(tmp_path: Path) -> None:
    with lab(tmp_path / "home") as made:
        both = ((FIRST, 8080), (SECOND, 8080))
        made.network.apply((VirtualPort(VIP, 6, 80, both), VirtualPort(EMPTY, 6, 80, ())))
        answers = {made.ask(0, VIP, 80) for _ in range(12)}
        assert answers == {f"{FIRST} {GATEWAY}", f"{SECOND} {FIRST}"}, "itself through the gateway, the other directly"
        with socket.create_connection((VIP, 80), 2) as connection:
            assert connection.recv(99).endswith(f" {GATEWAY}".encode())
        for address, port in ((EMPTY, 80), (VIP, 81), (service_address(NUMBER, 99), 80)):
            assert made.ask(0, address, port) == "", "refused at once"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, port), 2)
        made.network.apply((VirtualPort(VIP, 6, 80, both, sticky=True),))
        assert len({made.ask(1, VIP, 80).split()[0] for _ in range(10)}) == 1
        made.network.apply((VirtualPort(VIP, 6, 80, both[:1]),))
        assert {made.ask(1, VIP, 80) for _ in range(4)} == {f"{FIRST} {SECOND}"}


def test_the_way_out_is_masqueraded(tmp_path: Path) -> None:
    with Netlink() as netlink:
        names = {link.name: link.index for link in links.read_links(netlink)}
        outside = [str(a) for index, a in links.read_addresses(netlink) if index == names.get("eth0")]
    if not outside:
        pytest.skip("no eth0 with an address on this machine")
    with lab(tmp_path / "home") as made, socket.create_server((outside[0], 0)) as server:
        made.network.apply(())
        client = ["nsenter", "-t", str(made.processes[0].pid), "-n", sys.executable, "-c",
                  f"import socket;socket.create_connection(('{outside[0]}',{server.getsockname()[1]}),2)"]  # fmt: skip
        with subprocess.Popen(client):
            server.settimeout(5)
            connection, _ = server.accept()
            connection.close()


def test_a_network_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with lab(tmp_path / "home"):
        other = ClusterConfig(home=tmp_path / "other", pod_cidr=pod_network(NUMBER), service_cidr=service_network(6))
        with pytest.raises(RuntimeError, match=r"pod_cidr 10.* is already in use .* device tj") as refused:
            HostNetwork(other).ensure()
        assert "\n" not in str(refused.value)


def test_a_firewall_that_drops_by_default_lets_the_bridge_through(tmp_path: Path) -> None:
    """A table as Docker and ufw leave it, here in a network namespace of its own."""
    script = """
import sys
from pathlib import Path
from tejer.cluster.config import ClusterConfig
from tejer.cluster.network import firewall, nft
from tejer.cluster.network.netlink import NETLINK_NETFILTER, Netlink, attribute, nested, text
from tejer.cluster.network.nft import BaseChain, Hook
from tejer.cluster.network.setup import HostNetwork
import struct

config = ClusterConfig(home=Path(sys.argv[1]))
def drop(name, hook):
    made = nft.add_chain("filter", name, BaseChain("filter", hook, 0))
    accept, refuse = attribute(5, struct.pack(">I", 1)), attribute(5, struct.pack(">I", 0))
    return type(made)(made.type, made.flags, made.body.replace(accept, refuse), made.what)
with Netlink(NETLINK_NETFILTER) as netlink:
    chains = [nft.add_table("filter"), drop("FORWARD", Hook.FORWARD), drop("INPUT", Hook.INPUT),
              nft.add_chain("filter", "DOCKER-USER")]
    nft.commit(netlink, chains)
    network = HostNetwork(config)
    for _ in range(2):
        network.ensure()
        print(sorted((rule.chain, rule.comment.decode()) for rule in firewall._rules(netlink)))
    network.remove()
    print(list(firewall._rules(netlink)))
"""
    (tmp_path / "home").mkdir()
    words = ["unshare", "-n", sys.executable, "-c", script, str(tmp_path / "home")]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    bridge = ClusterConfig(home=tmp_path / "home").bridge
    rules = [("DOCKER-USER", bridge), ("DOCKER-USER", bridge), ("INPUT", bridge)]
    assert said.stdout.splitlines() == [str(rules), str(rules), "[]"], said.stderr


def test_set_up_twice_and_removed_twice(tmp_path: Path) -> None:
    config = ClusterConfig(home=tmp_path / "home", pod_cidr=pod_network(NUMBER), service_cidr=service_network(NUMBER))
    config.home.mkdir()
    network = HostNetwork(config)
    for _ in range(2):
        network.ensure()
        network.apply(())
    for _ in range(2):
        network.remove()
    with Netlink() as netlink, Netlink(NETLINK_NETFILTER) as tables:
        assert config.bridge not in {link.name for link in links.read_links(netlink)}
        assert network.table not in nft.table_names(tables)
        assert not any(route.network == IPv4Network(service_network(NUMBER)) for route in links.read_routes(netlink))


def test_nothing_is_left_after_teardown_of_what_was_killed(tmp_path: Path) -> None:
    async def scenario() -> ClusterConfig:
        async with cluster(tmp_path / "home", 6) as made:
            async with made.running():  # leaving it is the daemon's sudden end
                port = [{"containerPort": 8080, "hostPort": 18000 + os.getpid() % 1000}]
                await made.pod("web", container("tejer/echo", ports=port))
                pod = await made.ready("web")
            (made.config.pod_dir(uid_of(pod)) / "shim.pid").unlink()  # even a lost state file
            teardown(made.config)
            return made.config

    config = asyncio.run(scenario())
    teardown(config)
    processes = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(str(config.home).encode() in words for words in processes)
    assert str(config.home) not in Path("/proc/mounts").read_text()
    with Netlink() as netlink:
        names = {link.name for link in links.read_links(netlink)}
    assert config.bridge not in names
    assert not any(name.startswith(HostNetwork(config).veth_prefix) for name in names)
