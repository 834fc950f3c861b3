"""ServiceEntries for one host and port must agree on the protocol. IST0177."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks import protocols
from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEENTRIES


def entry_hosts(item: Item) -> tuple[str, ...]:
    hosts: tuple[str, ...] = item.value.spec.hosts if item.value is not None else ()
    return hosts


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for host in item.value.spec.hosts:
        others = view.where(SERVICEENTRIES, entry_hosts, host)
        for index, port in enumerate(item.value.spec.ports):
            by_protocol: dict[str, set[str]] = {}
            for other in others:
                for rival in other.value.spec.ports:
                    if rival.number == port.number:
                        by_protocol.setdefault(protocols.parse(rival.protocol) or "TCP", set()).add(other.place)
            if len(by_protocol) > 1:
                yield found(
                    item, "IST0177",
                    f"ServiceEntries define host {host} port {port.number} with different protocols: "
                    + ", ".join(f"{name} ({', '.join(sorted(who))})" for name, who in by_protocol.items()),
                    f"spec.ports[{index}]",
                )  # fmt: skip


ANALYZER = Analyzer("serviceentry.ConflictingServiceEntryProtocolAnalyzer", (SERVICEENTRIES,), (), analyze)
