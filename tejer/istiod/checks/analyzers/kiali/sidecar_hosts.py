"""Hosts that a Sidecar imports and that do not exist. KIA1004."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEENTRIES, SERVICES, SIDECARS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for index, listener in enumerate(item.value.spec.egress):
        for position, text in enumerate(listener.hosts):
            scope, _, host = text.partition("/")
            if not host or host.startswith("*") or scope.startswith("~"):
                continue
            entry = view.host(host, item.namespace)
            namespace = item.namespace if scope == "." else scope
            if entry is None or (namespace not in ("*", entry.namespace) and not entry.host.startswith("*")):
                where = "" if namespace == "*" else f" in namespace {namespace}"
                yield found(
                    item, "KIA1004", f"There is no Service or ServiceEntry {host}{where} that could be imported.",
                    f"spec.egress[{index}].hosts[{position}]",
                )  # fmt: skip


ANALYZER = Analyzer("kiali.SidecarHostsAnalyzer", (SIDECARS,), (SERVICES, SERVICEENTRIES), analyze)
