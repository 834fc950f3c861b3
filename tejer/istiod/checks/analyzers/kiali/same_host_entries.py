"""One host and port in ServiceEntries of several namespaces: a client sees one of them only. KIA1211.

Those of one namespace are merged, and another protocol for the same port is IST0177.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.service_entry_protocols import entry_hosts
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEENTRIES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    ports = {port.number for port in item.value.spec.ports}
    for index, host in enumerate(item.value.spec.hosts):
        rivals = [
            other.place
            for other in view.where(SERVICEENTRIES, entry_hosts, host)
            if other.namespace != item.namespace
            and _share(item, other)
            and ports & {port.number for port in other.value.spec.ports}
        ]
        if rivals:
            yield found(
                item, "KIA1211",
                f"{host} is defined by {', '.join(rivals)} too: a client uses the one of its own namespace, else the "
                "oldest that it can see.",
                f"spec.hosts[{index}]",
            )  # fmt: skip


def _share(one: Item, other: Item) -> bool:
    """Whether a namespace that has neither of them can see both: in its own, an entry is meant to come first."""
    first, second = _scope(one), _scope(other)
    if "*" in first and "*" in second:
        return True
    both = second if "*" in first else first if "*" in second else first & second
    return bool(both - {one.namespace, other.namespace})


def _scope(item: Item) -> set[str]:
    return {item.namespace if name == "." else name for name in item.value.spec.export_to or ("*",)}


ANALYZER = Analyzer("kiali.SameHostEntriesAnalyzer", (SERVICEENTRIES,), (), analyze)
