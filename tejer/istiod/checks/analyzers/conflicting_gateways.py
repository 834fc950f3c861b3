"""Two gateways that open the same port for the same hosts on the same pods. IST0145."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks import texts
from tejer.istiod.checks.analyzer import Analyzer, found, label_text, selects
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import Server
from tejer.kube.problem import Problem
from tejer.kube.types import GATEWAYS


def open_ports(item: Item) -> set[int | None]:
    """The ports that a Gateway opens."""
    servers = item.value.spec.servers if item.value is not None else ()
    return {server.port.number for server in servers if server.port is not None}


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for index, server in enumerate(item.value.spec.servers):
        if server.port is None:
            continue
        rivals = [
            other.place
            for other in view.where(GATEWAYS, open_ports, server.port.number)
            if other.key != item.key
            and _same_workload(item, other)
            and any(_same_place(server, rival) for rival in other.value.spec.servers)
        ]
        if rivals:
            yield found(
                item, "IST0145",
                f"Conflict with gateways {','.join(rivals)} (workload selector "
                f"{label_text(item.value.spec.selector)}, port {server.port.number}, hosts {','.join(server.hosts)}).",
                f"spec.servers[{index}]",
            )  # fmt: skip


def _same_workload(one: Item, other: Item) -> bool:
    first, second = one.value.spec.selector, other.value.spec.selector
    return selects(first, second) or selects(second, first)


def _same_place(one: Server, other: Server) -> bool:
    if one.port is None or other.port is None or one.port.number != other.port.number or one.bind != other.bind:
        return False
    return any(_same_host(first, second) for first in one.hosts for second in other.hosts)


def _same_host(one: str, other: str) -> bool:
    first_scope, _, first = one.rpartition("/")
    second_scope, _, second = other.rpartition("/")
    scopes = {first_scope or "*", second_scope or "*"}
    return (len(scopes) == 1 or "*" in scopes) and texts.matches(first, second)


ANALYZER = Analyzer("gateway.ConflictingGatewayAnalyzer", (GATEWAYS,), (), analyze)
