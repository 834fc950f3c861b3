"""Two VirtualServices for one host on the mesh, seen from one namespace: only the older one works. IST0109."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks import texts
from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.targets import host_buckets, on_mesh
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import VIRTUALSERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    if not on_mesh(item.value):
        return
    own = [view.resolve(name, item.namespace) for name in item.value.spec.hosts]
    candidates = {
        other.key: other
        for group in sorted(host_buckets(item))
        for other in view.where(VIRTUALSERVICES, host_buckets, group)
    }
    rivals: list[str] = []
    shared: set[str] = set()
    for other in candidates.values():
        if other.key == item.key or not _share_a_namespace(item, other):
            continue
        common = {host for host in other.value.spec.hosts if _claims(own, view.resolve(host, other.namespace))}
        if common:
            rivals.append(other.place)
            shared |= common
    if rivals:
        yield found(
            item, "IST0109",
            f"The VirtualServices {item.place},{','.join(sorted(rivals))} associated with mesh gateway define the "
            f"same host {','.join(sorted(shared))} which can lead to undefined behavior. This can be fixed by merging "
            "the conflicting VirtualServices into a single resource.",
            "spec.hosts",
        )  # fmt: skip


def _claims(own: list[str], host: str) -> bool:
    """Whether `host` is one of ours, or a wildcard that overlaps one.

    An exact host beside a wildcard is fine: the more specific one wins.
    """
    return host in own or (
        host.startswith("*") and any(one.startswith("*") and texts.matches(one, host) for one in own)
    )


def _share_a_namespace(one: Item, other: Item) -> bool:
    first, second = _scope(one), _scope(other)
    return "*" in first or "*" in second or bool(first & second)


def _scope(item: Item) -> set[str]:
    export_to = item.value.spec.export_to or ("*",)
    return {item.namespace if name == "." else name for name in export_to}


ANALYZER = Analyzer("virtualservice.ConflictingMeshGatewayHostsAnalyzer", (VIRTUALSERVICES,), (), analyze)
